import type { LeaseClient } from '@latchkey/lessor';
import type { Clock, Replica } from '@latchkey/replica';
import type {
  ClientRequest,
  ClientResult,
  ErrorBody,
  NodeAnnouncement,
  RequestFrame,
  ResponseFrame,
  WatchMessage,
} from '@latchkey/sdk-core';
import { encodeCommandBatch, key, leaseId, type CommandOrigin, type StateReader } from '@latchkey/state-machine';
import type { AppliedOutcome } from '../node/observed-state-machine.js';
import { WaitingAcquire, type WaitingAcquireParts } from './waiting-acquire.js';
import { WatchFeed, type FeedSource } from './watch-feed.js';
import { bodyOfRefusal, bodyOfReplicaError, errorBody } from './wire-errors.js';
import { wireRecord } from './wire-record.js';
import { answerOf, commandOf, isWrite, rangeOf, type WriteRequest } from './write-commands.js';

/** The client's end. */
export interface ClientLink {
  readonly client: string;
  announce(announcement: NodeAnnouncement): void;
  sendResponses(responses: ResponseFrame): void;
  sendWatch(watchId: number, message: WatchMessage): void;
}

export type GatewayParts = {
  readonly clock: Clock;
  readonly reader: StateReader;
  readonly replica: Replica<AppliedOutcome>;
  readonly leases: LeaseClient;
  readonly acquires: WaitingAcquireParts;
  readonly feeds: Set<WatchFeed>;
  readonly readRows: FeedSource['readRows'];
  readonly valueMissing: FeedSource['valueMissing'];
  /** A client is told of a write that was applied at `index`. */
  readonly acknowledged: (client: string, index: AppliedOutcome['index']) => void;
};

type Write = { readonly id: number; readonly request: WriteRequest; readonly acquire: WaitingAcquire | null };
type Identified<Request> = { readonly id: number; readonly request: Request };
type GetRequest = Extract<ClientRequest, { readonly op: 'get' }>;
type WatchRequest = Extract<ClientRequest, { readonly op: 'watch' }>;

/**
 * What a node does for one client: all writes of a frame are one entry, all reads share one barrier, acquires wait, watches
 * follow. A model of the server's gateway (`apps/server/src/gateway`, `commands`, `locks`, `watch`), which the simulator may
 * not import; leases, replica and state are the real ones.
 */
export class GatewayConnection {
  private readonly waiting = new Map<number, WaitingAcquire>();
  private readonly watches = new Map<number, WatchFeed>();
  private responses: ResponseFrame[number][] = [];
  private isClosed = false;

  constructor(
    private readonly parts: GatewayParts,
    private readonly link: ClientLink,
  ) {}

  receive([acknowledgedThrough, session, requests]: RequestFrame): void {
    const writes: Write[] = [];
    const reads: Identified<GetRequest>[] = [];
    for (const [id, request] of requests) {
      if (isWrite(request)) writes.push(this.prepared(id, request));
      else if (request.op === 'get') reads.push({ id, request });
      else this.serveOther(id, request);
    }
    if (writes.length > 0) void this.write(writes, session, acknowledgedThrough);
    if (reads.length > 0) void this.read(reads);
  }

  /** The connection is gone. Places in queues stay: the client asks again elsewhere, or its lease ends them. */
  close(): void {
    this.isClosed = true;
    for (const acquire of this.waiting.values()) acquire.abandon();
    for (const feed of this.watches.values()) this.endWatch(feed);
    this.waiting.clear();
    this.watches.clear();
  }

  private prepared(id: number, request: WriteRequest): Write {
    if (request.op !== 'acquire') return { id, request, acquire: null };
    const { space, name, lease, waitMs = null } = request;
    const place = { space, name, leaseId: leaseId(lease) };
    const acquire = new WaitingAcquire(this.parts.acquires, place, waitMs, {
      granted: (result) => this.succeed(id, result),
      failed: (error) => this.fail(id, error),
    });
    this.waiting.set(id, acquire);
    return { id, request, acquire };
  }

  private async write(writes: readonly Write[], session: string | null, acknowledgedThrough: number): Promise<void> {
    const { clock, replica, leases, acknowledged } = this.parts;
    const sentAtMs = clock.nowMs();
    const remainingMs = (ttlMs: number): number => Math.max(0, Math.floor(sentAtMs + ttlMs - clock.nowMs()));
    const origin: CommandOrigin =
      session === null
        ? { type: 'none' }
        : { type: 'session', leaseId: leaseId(session), acknowledgedThrough, sequences: writes.map(({ id }) => id) };
    try {
      const commands = writes.map(({ request }) => commandOf(request));
      const canWait = (): boolean => writes.every(({ acquire }) => acquire?.mustQueue === true);
      const { index, result } = await replica.propose(encodeCommandBatch({ origin, commands }), { canWait });
      if (!this.isClosed) acknowledged(this.link.client, index);
      for (const [position, { id, request, acquire }] of writes.entries()) {
        const outcome = result.outcomes[position] ?? result.outcomes[0];
        if (outcome === undefined) continue;
        if (outcome.type === 'leaseGranted') leases.granted(outcome.leaseId, outcome.ttlMs, sentAtMs);
        if (request.op === 'acquire') acquire?.entered(outcome);
        else this.answer(id, answerOf(request, outcome, remainingMs));
      }
    } catch (error) {
      const body = bodyOfReplicaError(error);
      for (const { id, acquire } of writes) {
        if (acquire === null) this.fail(id, body);
        else acquire.fail(body);
      }
    }
  }

  private async read(reads: readonly Identified<GetRequest>[]): Promise<void> {
    try {
      await this.parts.replica.readBarrier();
    } catch (error) {
      const body = bodyOfReplicaError(error);
      for (const { id } of reads) this.fail(id, body);
      return;
    }
    const { reader } = this.parts;
    for (const { id, request } of reads) {
      const record = reader.get(key(request.key));
      this.succeed(id, { revision: reader.revision, record: record === null ? null : wireRecord(record) });
    }
  }

  private serveOther(id: number, request: ClientRequest): void {
    switch (request.op) {
      // Asked only for a sign of life.
      case 'status':
        return this.succeed(id, {});
      case 'leaseKeepAlive':
        return void this.keepAlive(id, request.id);
      case 'cancel':
        this.waiting.get(request.request)?.cancel();
        return this.succeed(id, {});
      case 'watch':
        return void this.watch(id, request);
      case 'unwatch': {
        const feed = this.watches.get(request.watchId);
        if (feed !== undefined) this.endWatch(feed);
        return this.succeed(id, {});
      }
      default:
        return this.fail(id, errorBody('INVALID_ARGUMENT', `${request.op} is not simulated`));
    }
  }

  private async keepAlive(id: number, lease: string): Promise<void> {
    try {
      const left = await this.parts.leases.renew(leaseId(lease));
      if (left === null) return this.fail(id, errorBody('LEASE_NOT_FOUND', 'no such lease'));
      this.succeed(id, { revision: this.parts.reader.revision, id: lease, ...left });
    } catch (error) {
      const body = bodyOfReplicaError(error);
      // Of a renewal nothing is ever left half done: it may be sent again, whatever became of it.
      this.fail(id, body.code === 'OUTCOME_UNKNOWN' ? errorBody('UNAVAILABLE', 'the leader did not answer') : body);
    }
  }

  private async watch(id: number, { range, fromRevision }: WatchRequest): Promise<void> {
    const { reader, replica, feeds } = this.parts;
    if (fromRevision === undefined) {
      try {
        await replica.readBarrier();
      } catch (error) {
        return this.fail(id, bodyOfReplicaError(error));
      }
    }
    if (this.isClosed) return;
    const { revision } = reader;
    const cursor = fromRevision === undefined ? revision : fromRevision - 1;
    const feed = new WatchFeed(this.parts, rangeOf(range), cursor, {
      events: (upTo, events) => this.link.sendWatch(id, { type: 'events', revision: upTo, events }),
      refused: (refusal) => {
        this.endWatch(feed);
        const error = refusal === null ? errorBody('UNAVAILABLE', 'no old values') : bodyOfRefusal(refusal);
        this.link.sendWatch(id, { type: 'ended', error });
      },
    });
    this.watches.set(id, feed);
    feeds.add(feed);
    this.succeed(id, { watchId: id, revision });
    this.flush();
    this.link.sendWatch(id, { type: 'created', revision });
    feed.pump();
  }

  private endWatch(feed: WatchFeed): void {
    feed.end();
    this.parts.feeds.delete(feed);
    for (const [id, open] of this.watches) if (open === feed) this.watches.delete(id);
  }

  private answer(id: number, answer: ReturnType<typeof answerOf>): void {
    if ('error' in answer) this.fail(id, answer.error);
    else this.succeed(id, answer.result);
  }

  private succeed(id: number, result: ClientResult): void {
    this.respond([id, 1, result]);
  }

  private fail(id: number, error: ErrorBody): void {
    this.respond([id, 0, error]);
  }

  private respond(response: ResponseFrame[number]): void {
    if (this.waiting.size > 0) this.waiting.delete(response[0]);
    if (this.isClosed) return;
    if (this.responses.length === 0) void Promise.resolve().then(() => this.flush());
    this.responses.push(response);
  }

  private flush(): void {
    const { responses } = this;
    if (responses.length === 0 || this.isClosed) return;
    this.responses = [];
    this.link.sendResponses(responses);
  }
}
