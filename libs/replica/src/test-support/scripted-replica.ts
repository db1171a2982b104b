import { logIndex, nodeId, persistId, term, type Effect, type LogEntry, type NodeId } from '@latchkey/raft';
import { FaultyLogStore, MemoryDisk, MemoryLogStore } from '@latchkey/storage-memory';
import { DrivenReplica } from '../driven-replica.js';
import type { PeerMessage, PeerTransport, PeerTransportHandlers } from '../ports/peer-transport.js';
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
  isClosed = false;

  async start(handlers: PeerTransportHandlers): Promise<void> {
    this.handlers = handlers;
  }

  send(to: NodeId, message: PeerMessage): void {
    this.sent.push({ to, message: structuredClone(message) });
  }

  async close(): Promise<void> {
    this.isClosed = true;
  }
}

/** The driver of node n1 on a scripted core. */
export class ScriptedReplica {
  /** What the application answers when the driver asks. */
  applicationAwaitsCommits = true;
  readonly clock = new VirtualClock();
  readonly transport = new RecordingTransport();
  readonly machine = new RecordingStateMachine();
  readonly store = new FaultyLogStore(new MemoryLogStore(new MemoryDisk()));
  /** One for each run; a run follows another when the store failed. */
  readonly cores: ScriptedCore[] = [];
  readonly warnings: string[] = [];
  readonly readyTerms: number[] = [];
  failure: Error | null = null;
  onLeaderRequest: ReplicaOptions<RecordedOutcome>['onLeaderRequest'] = async (_from, body) => body;
  readonly replica: DrivenReplica<RecordedOutcome>;

  constructor() {
    this.replica = new DrivenReplica<RecordedOutcome>(this.options(), () => {
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
    await this.replica.start();
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

  sentOf<Type extends PeerMessage['type']>(type: Type): Extract<PeerMessage, { readonly type: Type }>[] {
    return this.transport.sent
      .map(({ message }) => message)
      .filter((message): message is Extract<PeerMessage, { readonly type: Type }> => message.type === type);
  }

  private async raftMessage(): Promise<void> {
    await this.receive(N2, { type: 'raft', message: { type: 'voteResponse', term: term(1), voteGranted: true } });
  }

  private options(): ReplicaOptions<RecordedOutcome> {
    return {
      raft: {
        nodeId: N1,
        initialMembership: { voters: [N1, N2, N3], votersOutgoing: [], learners: [] },
        heartbeatIntervalMs: 20,
        electionTimeoutMs: ELECTION_TIMEOUT_MS,
        peerDownDelayMs: 20,
        maxInFlightAppends: 64,
        maxInFlightBytes: 1_000_000,
        maxAppendBytes: 100_000,
        maxUncommittedBytes: 1_000_000,
        seed: 1,
      },
      maxQueuedInputs: MAX_QUEUED,
      maxPendingProposals: MAX_PENDING,
      proposalTimeoutMs: PROPOSAL_TIMEOUT_MS,
      readTimeoutMs: READ_TIMEOUT_MS,
      logStore: this.store,
      transport: this.transport,
      stateMachine: this.machine,
      clock: this.clock,
      observer: {
        failed: (error) => {
          this.failure = error;
        },
        warning: (message) => this.warnings.push(message),
        leadershipReady: (inTerm) => this.readyTerms.push(inTerm),
      },
      onLeaderRequest: (from, body) => this.onLeaderRequest(from, body),
      incarnation: INCARNATION,
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
