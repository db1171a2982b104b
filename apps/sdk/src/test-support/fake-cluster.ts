import type { AcquireRequest, ClientRequest, ClientResult, ErrorBody, RequestFrame } from '@latchkey/contracts';
import type { Clock } from '../ports/clock.js';
import type { Connection, ConnectionListener, Connector } from '../ports/connector.js';
import { FakeConnection, LATENCY_MS } from './fake-connection.js';
import { FakeStore, refusal } from './fake-store.js';

export type FakeNode = {
  /** `down` refuses connections; `silent` accepts nothing and answers nothing: a black hole or a stopped process. */
  state: 'up' | 'down' | 'silent';
  /** Does what it is asked, and its answers never arrive. */
  losesAnswers: boolean;
  /** Answers some requests with an error instead of carrying them out. */
  refuse: ((request: ClientRequest, id: number) => ErrorBody | null) | null;
  /** Everything that arrived. */
  readonly frames: RequestFrame[];
  readonly connections: Set<FakeConnection>;
};

type Answer = { readonly result: ClientResult } | { readonly error: ErrorBody };
type SessionMemory = { acknowledgedThrough: number; readonly answers: Map<number, Answer> };

const ONCE = new Set<ClientRequest['op']>(['put', 'delete', 'txn', 'release', 'acquire', 'forceRelease', 'compact']);

/** Several nodes over one state that never fails: what the client sees of a cluster, with every fault a test asks for. */
export class FakeCluster implements Connector {
  readonly store: FakeStore;
  /** Session writes that took effect, repeats not counted. */
  readonly executed: ClientRequest[] = [];
  /** Its endpoint; null: the nodes say nothing of a leader. */
  #leader: string | null = null;
  readonly #nodes = new Map<string, FakeNode>();
  readonly #sessions = new Map<string, SessionMemory>();

  constructor(
    readonly clock: Clock,
    endpoints: readonly string[],
  ) {
    this.store = new FakeStore(clock);
    for (const endpoint of endpoints) {
      const faults = { state: 'up' as const, losesAnswers: false, refuse: null };
      this.#nodes.set(endpoint, { ...faults, frames: [], connections: new Set() });
    }
  }

  node(endpoint: string): FakeNode {
    const node = this.#nodes.get(endpoint);
    if (node === undefined) throw new Error(`no node ${endpoint}`);
    return node;
  }

  /** The endpoint of the leader, which all nodes say at once. */
  get leader(): string | null {
    return this.#leader;
  }

  set leader(endpoint: string | null) {
    this.#leader = endpoint;
    for (const { connections } of this.#nodes.values()) for (const connection of connections) connection.announce();
  }

  /** SIGKILL. */
  kill(endpoint: string): void {
    const node = this.node(endpoint);
    node.state = 'down';
    for (const connection of node.connections) connection.cut('transport close');
  }

  /** All requests that reached any node, as [id, operation]. */
  arrivals(op: ClientRequest['op']): number[] {
    const frames = [...this.#nodes.values()].flatMap(({ frames }) => frames);
    return frames.flatMap(([, , requests]) => requests.filter(([, request]) => request.op === op).map(([id]) => id));
  }

  open(endpoint: string, listener: ConnectionListener): Connection {
    const node = this.node(endpoint);
    const connection = new FakeConnection({ endpoint, node }, this, listener);
    node.connections.add(connection);
    this.clock.setTimer(LATENCY_MS, () => {
      if (node.state === 'down') connection.cut('connection refused');
      else if (node.state === 'up' && node.connections.has(connection)) {
        connection.accept();
      }
    });
    return connection;
  }

  acknowledge(session: string, through: number): void {
    const memory = this.#memory(session);
    memory.acknowledgedThrough = Math.max(memory.acknowledgedThrough, through);
    for (const id of memory.answers.keys()) if (id <= memory.acknowledgedThrough) memory.answers.delete(id);
  }

  enterOnce(request: AcquireRequest, id: number, session: string | null): ErrorBody | null {
    const answer = this.execute({ op: 'acquire', ...request }, id, session);
    return 'error' in answer ? answer.error : null;
  }

  execute(request: ClientRequest, id: number, session: string | null): Answer {
    if (session === null || !ONCE.has(request.op)) return this.#run(request);
    if (!this.store.leases.has(session)) return { error: refusal('SESSION_NOT_FOUND') };
    const memory = this.#memory(session);
    if (id <= memory.acknowledgedThrough) return { error: refusal('SEQUENCE_ACKNOWLEDGED') };
    const cached = memory.answers.get(id);
    if (cached !== undefined) return cached;
    const answer = this.#run(request);
    this.executed.push(request);
    memory.answers.set(id, answer);
    return answer;
  }

  #memory(session: string): SessionMemory {
    const memory = this.#sessions.get(session) ?? { acknowledgedThrough: 0, answers: new Map<number, Answer>() };
    this.#sessions.set(session, memory);
    return memory;
  }

  #run(request: ClientRequest): Answer {
    const { store } = this;
    switch (request.op) {
      case 'put': {
        const current = store.records.get(request.key)?.modRevision ?? 0;
        if (request.ifRevision !== undefined && request.ifRevision !== current) {
          return { error: refusal('REVISION_MISMATCH', { currentRevision: current }) };
        }
        return { result: { revision: store.put(request.key, request.value, request.lease ?? null) } };
      }
      case 'delete': {
        const deleted = store.delete(store.range(request.range).map(({ key }) => key));
        return { result: { revision: store.revision, deleted } };
      }
      case 'get':
        return { result: { revision: store.revision, record: store.records.get(request.key) ?? null } };
      case 'range': {
        const all = store.range(request.range);
        const records = all.slice(0, request.limit ?? all.length);
        const more = records.length < all.length;
        return { result: { revision: store.revision, records, count: all.length, more } };
      }
      case 'acquire': {
        const key = `${request.space}/${request.name}/${request.lease}`;
        if (!store.leases.has(request.lease)) return { error: refusal('LEASE_NOT_FOUND') };
        if (!store.records.has(key)) store.put(key, request.value ?? new Uint8Array(), request.lease);
        return { result: { revision: store.revision } };
      }
      case 'release': {
        const left = store.delete([`${request.space}/${request.name}/${request.lease}`]);
        return left === 1 ? { result: { revision: store.revision } } : { error: refusal('LOCK_NOT_HELD') };
      }
      default:
        return this.#runLease(request);
    }
  }

  #runLease(request: ClientRequest): Answer {
    const { store } = this;
    const { revision } = store;
    switch (request.op) {
      case 'leaseGrant': {
        const { id = '', ttlMs } = request;
        if (store.leases.has(id)) return { error: refusal('LEASE_EXISTS') };
        store.grant(id, ttlMs);
        return { result: { revision, id, ttlMs, remainingMs: ttlMs } };
      }
      case 'leaseKeepAlive': {
        if (!store.renew(request.id)) return { error: refusal('LEASE_NOT_FOUND') };
        const ttlMs = store.leases.get(request.id)?.ttlMs ?? 0;
        return { result: { revision, id: request.id, ttlMs, remainingMs: ttlMs } };
      }
      case 'leaseRevoke':
        return store.endLease(request.id) ? { result: { revision } } : { error: refusal('LEASE_NOT_FOUND') };
      case 'status':
        // Asked only for a sign of life.
        return { result: {} };
      default:
        return { error: refusal('INTERNAL') };
    }
  }
}
