import {
  logIndex,
  nodeId,
  persistId,
  term,
  type Effect,
  type LogEntry,
  type Membership,
  type NodeId,
} from '@latchkey/raft';
import {
  FaultyCheckpointStore,
  FaultyLogStore,
  MemoryCheckpointStore,
  MemoryDisk,
  MemoryLogStore,
} from '@latchkey/storage-memory';
import { DrivenReplica } from '../driven-replica.js';
import type { SnapshotOffer } from '../driver-calls.js';
import type { DurableState } from '../ports/log-store.js';
import type { PeerAddress, PeerMessage, PeerTransport, PeerTransportHandlers } from '../ports/peer-transport.js';
import type { ReplicaOptions } from '../replica-api.js';
import { RecordingStateMachine, type RecordedOutcome } from './recording-state-machine.js';
import { ScriptedCore } from './scripted-core.js';
import { VirtualClock } from './virtual-clock.js';

export const N1 = nodeId('n1');
export const N2 = nodeId('n2');
export const N3 = nodeId('n3');
export const INCARNATION = 9;
export const ELECTION_TIMEOUT_MS = 100;
export const PROPOSAL_TIMEOUT_MS = 1_000;
export const READ_TIMEOUT_MS = 400;
export const MAX_PENDING = 50;
export const MAX_QUEUED = 100;

class RecordingTransport implements PeerTransport {
  readonly sent: { readonly to: NodeId; readonly message: PeerMessage }[] = [];
  handlers: PeerTransportHandlers | null = null;
  /** As the driver said last. */
  peers: readonly PeerAddress[] | null = null;
  isClosed = false;

  async start(handlers: PeerTransportHandlers): Promise<void> {
    this.handlers = handlers;
  }

  send(to: NodeId, message: PeerMessage): void {
    this.sent.push({ to, message: structuredClone(message) });
  }

  setPeers(peers: readonly PeerAddress[]): void {
    this.peers = peers;
  }

  async close(): Promise<void> {
    this.isClosed = true;
  }
}

export type ScriptedReplicaOptions = {
  readonly incarnation?: number;
  /** What was written by an earlier process. */
  readonly disk?: MemoryDisk;
  /** Without, there are no checkpoints. */
  readonly checkpointEveryEntries?: number;
  readonly checkpointEveryBytes?: number;
  readonly initialMembership?: Membership;
};

/** The driver of node n1 on a scripted core. */
export class ScriptedReplica {
  /** What the application answers when the driver asks. */
  applicationAwaitsCommits = true;
  readonly clock = new VirtualClock();
  readonly transport = new RecordingTransport();
  readonly machine = new RecordingStateMachine();
  readonly disk: MemoryDisk;
  readonly store: FaultyLogStore;
  readonly checkpointStore: FaultyCheckpointStore;
  /** What each core was built from. */
  readonly loaded: DurableState[] = [];
  /** One for each run; a run follows another when the store failed. */
  readonly cores: ScriptedCore[] = [];
  readonly warnings: string[] = [];
  readonly readyTerms: number[] = [];
  readonly appliedIndexes: number[] = [];
  readonly checkpointedIndexes: number[] = [];
  readonly installedIndexes: number[] = [];
  removals = 0;
  failure: Error | null = null;
  onLeaderRequest: ReplicaOptions<RecordedOutcome>['onLeaderRequest'] = async (_from, body) => body;
  readonly replica: DrivenReplica<RecordedOutcome>;

  constructor(private readonly given: ScriptedReplicaOptions = {}) {
    this.disk = given.disk ?? new MemoryDisk();
    this.store = new FaultyLogStore(new MemoryLogStore(this.disk));
    this.checkpointStore = new FaultyCheckpointStore(new MemoryCheckpointStore(this.disk));
    this.replica = new DrivenReplica<RecordedOutcome>(this.options(), (durable) => {
      this.loaded.push(durable);
      const core = new ScriptedCore(N1);
      this.cores.push(core);
      return core;
    });
  }

  get core(): ScriptedCore {
    const core = this.cores.at(-1);
    if (core === undefined) throw new Error('not started');
    return core;
  }

  async start(): Promise<void> {
    await Promise.all([this.replica.start(), this.clock.settle()]);
    for (const peer of [N2, N3]) this.transport.handlers?.onPeerUp(peer);
    await this.clock.settle();
  }

  /** The core says who leads from here on. */
  async roleChanged(role: 'leader' | 'follower', inTerm: number, leaderId: NodeId | null): Promise<void> {
    this.core.onNext('message', [{ type: 'roleChanged', role, term: term(inTerm), leaderId }]);
    await this.raftMessage();
  }

  /** The core answers some message of a peer with `effects`. */
  async effects(...effects: Effect[]): Promise<void> {
    this.core.onNext('message', effects);
    await this.raftMessage();
  }

  async receive(from: NodeId, message: PeerMessage): Promise<void> {
    this.transport.handlers?.onMessage(from, message);
    await this.clock.settle();
  }

  /** A snapshot has come in whole. */
  offerSnapshot(offer: SnapshotOffer): void {
    this.replica.driver.offerSnapshot(offer);
  }

  sentOf<Type extends PeerMessage['type']>(type: Type): Extract<PeerMessage, { readonly type: Type }>[] {
    return this.transport.sent
      .map(({ message }) => message)
      .filter((message): message is Extract<PeerMessage, { readonly type: Type }> => message.type === type);
  }

  private async raftMessage(): Promise<void> {
    await this.receive(N2, { type: 'raft', message: { type: 'voteResponse', term: term(1), voteGranted: true } });
  }

  private checkpoints(): ReplicaOptions<RecordedOutcome>['checkpoints'] {
    const { checkpointEveryEntries, checkpointEveryBytes } = this.given;
    if (checkpointEveryEntries === undefined && checkpointEveryBytes === undefined) return null;
    return {
      store: this.checkpointStore,
      stateMachine: this.machine,
      everyEntries: checkpointEveryEntries ?? Infinity,
      everyBytes: checkpointEveryBytes ?? Infinity,
    };
  }

  private options(): ReplicaOptions<RecordedOutcome> {
    return {
      raft: {
        nodeId: N1,
        initialMembership: this.given.initialMembership ?? { voters: [N1, N2, N3], votersOutgoing: [], learners: [] },
        heartbeatIntervalMs: 20,
        electionTimeoutMs: ELECTION_TIMEOUT_MS,
        peerDownDelayMs: 20,
        maxInFlightAppends: 64,
        maxInFlightBytes: 1_000_000,
        maxAppendBytes: 100_000,
        maxUncommittedBytes: 1_000_000,
        trailingEntries: 4,
        diskStallTimeoutMs: 10 * ELECTION_TIMEOUT_MS,
        seed: 1,
      },
      maxQueuedInputs: MAX_QUEUED,
      maxPendingProposals: MAX_PENDING,
      proposalTimeoutMs: PROPOSAL_TIMEOUT_MS,
      readTimeoutMs: READ_TIMEOUT_MS,
      logStore: this.store,
      transport: this.transport,
      configuredPeers: [N1, N2, N3],
      stateMachine: this.machine,
      checkpoints: this.checkpoints(),
      clock: this.clock,
      observer: {
        failed: (error) => {
          this.failure = error;
        },
        warning: (message) => this.warnings.push(message),
        leadershipReady: (inTerm) => this.readyTerms.push(inTerm),
        applied: (index) => this.appliedIndexes.push(index),
        checkpointed: ({ index }) => this.checkpointedIndexes.push(index),
        snapshotInstalled: ({ index }) => this.installedIndexes.push(index),
        removed: () => {
          this.removals += 1;
        },
      },
      onLeaderRequest: (from, body) => this.onLeaderRequest(from, body),
      incarnation: this.given.incarnation ?? INCARNATION,
      awaitsCommits: () => this.applicationAwaitsCommits,
    };
  }
}

/** What became of a promise so far. */
export function watch(promise: Promise<unknown>): { state: string } {
  const watched = { state: 'pending' };
  promise.then(
    (value) => {
      watched.state = `resolved ${JSON.stringify(value)}`;
    },
    (error: unknown) => {
      const { code, retry } = error as { code?: string; retry?: string };
      watched.state = code === undefined ? String(error) : `${code} ${retry}`;
    },
  );
  return watched;
}

export const noop = (index: number, inTerm = 1): LogEntry => ({
  type: 'noop',
  index: logIndex(index),
  term: term(inTerm),
});

export const commandEntry = (index: number, data: Uint8Array, inTerm = 1): LogEntry => ({
  type: 'command',
  index: logIndex(index),
  term: term(inTerm),
  data,
});

export const persistEffect = (id: number, ...entries: LogEntry[]): Effect => ({
  type: 'persist',
  persistId: persistId(id),
  hardState: null,
  truncateFrom: null,
  entries,
});

export const voteEffect = (afterPersist: number | null, inTerm = 1): Effect => ({
  type: 'send',
  to: N2,
  message: { type: 'voteResponse', term: term(inTerm), voteGranted: true },
  afterPersist: afterPersist === null ? null : persistId(afterPersist),
});

/** Started, with both peers connected; it knows no leader yet. */
export async function startedReplica(options: ScriptedReplicaOptions = {}): Promise<ScriptedReplica> {
  const node = new ScriptedReplica(options);
  await node.start();
  return node;
}

/** Node n1 leads. */
export async function leadingReplica(inTerm = 2): Promise<ScriptedReplica> {
  const node = await startedReplica();
  await node.roleChanged('leader', inTerm, N1);
  return node;
}

/** Node n2 leads. */
export async function followingReplica(inTerm = 2): Promise<ScriptedReplica> {
  const node = await startedReplica();
  await node.roleChanged('follower', inTerm, N2);
  return node;
}
