import type { ClientRequest, ClientResult, ErrorBody, RequestFrame, WatchMessage } from '@latchkey/contracts';
import type { Clock } from '../ports/clock.js';
import type { Connection, ConnectionListener } from '../ports/connector.js';
import type { FakeCluster, FakeNode } from './fake-cluster.js';
import type { FakeStore, RevisionEvents } from './fake-store.js';
import { contains, keyOfEvent, refusal } from './fake-store.js';

/** One way, in virtual milliseconds. */
export const LATENCY_MS = 1;

type OpenWatch = { readonly id: number; readonly request: Extract<ClientRequest, { op: 'watch' }> };
type WaitingAcquire = { readonly id: number; readonly request: Extract<ClientRequest, { op: 'acquire' }> };

/** A node's end of one connection. */
export class FakeConnection implements Connection {
  #open = true;
  #isAccepted = false;
  readonly #watches = new Map<number, OpenWatch>();
  readonly #waiting = new Map<number, WaitingAcquire>();
  readonly #onChange = (change: RevisionEvents | null): void => this.#changed(change);

  constructor(
    private readonly place: { readonly endpoint: string; readonly node: FakeNode },
    private readonly cluster: FakeCluster,
    private readonly listener: ConnectionListener,
  ) {
    this.#store.listeners.add(this.#onChange);
  }

  get #node(): FakeNode {
    return this.place.node;
  }

  get #store(): FakeStore {
    return this.cluster.store;
  }

  get #clock(): Clock {
    return this.cluster.clock;
  }

  send(frame: RequestFrame): void {
    this.#clock.setTimer(LATENCY_MS, () => this.#arrive(frame));
  }

  /** The node takes the connection. */
  accept(): void {
    this.#isAccepted = true;
    this.listener.opened();
    this.announce();
  }

  /** Says who it is, which is its endpoint, and who leads. */
  announce(): void {
    if (!this.#isAccepted || this.cluster.leader === null) return;
    const { leader } = this.cluster;
    this.#answer(() => this.listener.announced([this.place.endpoint, leader]));
  }

  close(): void {
    this.#open = false;
    this.#node.connections.delete(this);
    this.#store.listeners.delete(this.#onChange);
  }

  /** The node closes it. */
  cut(reason: string): void {
    if (!this.#open) return;
    this.close();
    this.listener.closed({ message: reason, error: null });
  }

  #arrive(frame: RequestFrame): void {
    if (!this.#open || this.#node.state !== 'up') return;
    this.#node.frames.push(frame);
    const [acknowledgedThrough, session, requests] = frame;
    if (session !== null) this.cluster.acknowledge(session, acknowledgedThrough);
    for (const [id, request] of requests) this.#serve(id, request, session);
  }

  #serve(id: number, request: ClientRequest, session: string | null): void {
    const refused = this.#node.refuse?.(request, id) ?? null;
    if (refused !== null) return this.#fail(id, refused);
    switch (request.op) {
      case 'watch':
        return this.#watch({ id, request });
      case 'unwatch':
        this.#watches.delete(request.watchId);
        return this.#succeed(id, {});
      case 'cancel':
        this.#cancel(request.request);
        return this.#succeed(id, {});
      case 'acquire': {
        const error = this.cluster.enterOnce(request, id, session);
        if (error !== null) return this.#fail(id, error);
        this.#waiting.set(id, { id, request });
        if (request.waitMs !== undefined) this.#clock.setTimer(request.waitMs, () => this.#waitIsOver(id));
        return this.#recheck();
      }
      default: {
        const answer = this.cluster.execute(request, id, session);
        if ('error' in answer) this.#fail(id, answer.error);
        else this.#succeed(id, answer.result);
      }
    }
  }

  #watch(watch: OpenWatch): void {
    const { fromRevision } = watch.request;
    if (fromRevision !== undefined && fromRevision <= this.#store.compactRevision) {
      const error = refusal('COMPACTED', { compactRevision: this.#store.compactRevision });
      this.#succeed(watch.id, { watchId: watch.id, revision: this.#store.revision });
      return this.#tell(watch.id, { type: 'ended', error });
    }
    this.#watches.set(watch.id, watch);
    this.#succeed(watch.id, { watchId: watch.id, revision: this.#store.revision });
    this.#tell(watch.id, { type: 'created', revision: this.#store.revision });
    if (fromRevision === undefined) return;
    for (const change of this.#store.log) if (change.revision >= fromRevision) this.#feed(watch, change);
  }

  #changed(change: RevisionEvents | null): void {
    if (change !== null) for (const watch of this.#watches.values()) this.#feed(watch, change);
    this.#recheck();
  }

  #feed(watch: OpenWatch, change: RevisionEvents): void {
    const events = change.events.filter((event) => contains(watch.request.range, keyOfEvent(event)));
    if (events.length > 0) this.#tell(watch.id, { type: 'events', revision: change.revision, events });
  }

  #recheck(): void {
    for (const { id, request } of this.#waiting.values()) {
      const [first, ...rest] = this.#store.queue(request.space, request.name);
      if (first?.lease === request.lease) {
        this.#waiting.delete(id);
        const { revision } = this.#store;
        this.#succeed(id, { revision, fencingToken: first.createRevision, remainingMs: 1_000 });
      } else if (!rest.some(({ lease }) => lease === request.lease)) {
        this.#waiting.delete(id);
        this.#fail(id, refusal(this.#store.leases.has(request.lease) ? 'LOCK_NOT_HELD' : 'LEASE_NOT_FOUND'));
      }
    }
  }

  #waitIsOver(id: number): void {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined || !this.#open) return;
    this.#leave(waiting, waiting.request.waitMs === 0 ? 'LOCK_HELD' : 'LOCK_WAIT_TIMEOUT');
  }

  #cancel(id: number): void {
    const waiting = this.#waiting.get(id);
    if (waiting !== undefined) this.#leave(waiting, 'CANCELLED');
  }

  #leave({ id, request }: WaitingAcquire, code: ErrorBody['code']): void {
    this.#waiting.delete(id);
    const holder = this.#store.queue(request.space, request.name)[0]?.lease;
    this.#store.delete([`${request.space}/${request.name}/${request.lease}`]);
    this.#fail(id, refusal(code, { holder: { lease: holder } }));
  }

  #succeed(id: number, result: ClientResult): void {
    this.#answer(() => this.listener.responses([[id, 1, result]]));
  }

  #fail(id: number, error: ErrorBody): void {
    this.#answer(() => this.listener.responses([[id, 0, error]]));
  }

  #tell(watchId: number, message: WatchMessage): void {
    this.#answer(() => this.listener.watch([[watchId, message]]));
  }

  #answer(deliver: () => void): void {
    if (this.#node.losesAnswers) return;
    this.#clock.setTimer(LATENCY_MS, () => {
      if (this.#open && this.#node.state === 'up') deliver();
    });
  }
}
