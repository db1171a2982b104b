import { nodeId, type NodeId } from '@latchkey/raft';
import {
  FaultyCheckpointStore,
  FaultyLogStore,
  MemoryCheckpointStore,
  MemoryDisk,
  MemoryIdentityStore,
  MemoryLogStore,
} from '@latchkey/storage-memory';
import { createReplica } from '../create-replica.js';
import { HistoryLostError } from '../history-lost-error.js';
import type { IdentityOptions } from '../node-identity.js';
import type { LossReason } from '../ports/identity-store.js';
import type { LogStoreError } from '../ports/log-store.js';
import type { ReplicaObserver } from '../ports/observer.js';
import type { Replica, ReplicaOptions } from '../replica-api.js';
import { InMemoryNetwork } from './in-memory-network.js';
import { RecordingStateMachine, textCommand, type RecordedOutcome } from './recording-state-machine.js';
import { VirtualClock } from './virtual-clock.js';

export const HEARTBEAT_MS = 20;
export const ELECTION_TIMEOUT_MS = 100;
export const PROPOSAL_TIMEOUT_MS = 2_000;
export const READ_TIMEOUT_MS = 1_000;
const LATENCY_MS = 1;

/** A process that ends because it has lost its history is started again after this. */
const SUPERVISOR_DELAY_MS = 50;

/** How the logs of a cluster are kept short. */
export type ClusterCheckpoints = {
  readonly everyEntries: number;
  readonly trailingEntries: number;
};

export class TestNode {
  replica: Replica<RecordedOutcome>;
  machine = new RecordingStateMachine();
  store: FaultyLogStore;
  checkpointStore: FaultyCheckpointStore;
  readonly events: string[] = [];
  /** Each makes one attempt of its kind fail. */
  readonly foundingFaults: LogStoreError[] = [];
  readonly startAnewFaults: LogStoreError[] = [];
  readonly keepClaimFaults: LogStoreError[] = [];
  readonly markLostFaults: LogStoreError[] = [];
  readonly wantVoteFaults: LogStoreError[] = [];
  /** Whose states were found to be others. */
  readonly differing = new Set<NodeId>();
  failure: Error | null = null;
  onLeaderRequest: ReplicaOptions<RecordedOutcome>['onLeaderRequest'] = async (from, body) =>
    textCommand(`${this.id} answers ${from}: ${new TextDecoder().decode(body)}`);

  constructor(
    readonly id: NodeId,
    private readonly cluster: TestCluster,
    public disk = new MemoryDisk(`store of ${id}`),
    /** All that its settings name; null: the cluster's first members. */
    private readonly configuredPeers: readonly NodeId[] | null = null,
  ) {
    this.store = new FaultyLogStore(new MemoryLogStore(disk));
    this.checkpointStore = new FaultyCheckpointStore(new MemoryCheckpointStore(disk));
    this.replica = this.newReplica();
  }

  /** A new process on the same disk. */
  async restart(): Promise<void> {
    this.machine = new RecordingStateMachine();
    this.store = new FaultyLogStore(new MemoryLogStore(this.disk));
    this.checkpointStore = new FaultyCheckpointStore(new MemoryCheckpointStore(this.disk));
    this.replica = this.newReplica();
    await this.start();
  }

  /** A new process, on an empty disk: what was on the old one is lost. */
  async restartWiped(): Promise<void> {
    this.disk = new MemoryDisk(`store of ${this.id} after ${this.disk.identity.storeId}`);
    await this.restart();
  }

  /** Resolves when the node has read its disk. */
  async start(): Promise<void> {
    await Promise.all([this.replica.start(), this.cluster.clock.settle()]);
  }

  propose(text: string): Promise<RecordedOutcome> {
    return this.replica.propose(textCommand(text));
  }

  /** Its supervisor starts it again. */
  private historyLost({ reason }: HistoryLostError): void {
    this.events.push(`history lost: ${reason}`);
    this.cluster.network.isolate(this.id);
    this.cluster.clock.setTimer(SUPERVISOR_DELAY_MS, () => {
      this.cluster.network.heal(this.id);
      void this.restart();
    });
  }

  private newReplica(): Replica<RecordedOutcome> {
    const { clock, network } = this.cluster;
    const number = this.cluster.nextIncarnation();
    return createReplica<RecordedOutcome>({
      raft: {
        nodeId: this.id,
        initialMembership: { voters: this.cluster.ids, votersOutgoing: [], learners: [] },
        heartbeatIntervalMs: HEARTBEAT_MS,
        electionTimeoutMs: ELECTION_TIMEOUT_MS,
        peerDownDelayMs: 20,
        maxInFlightAppends: 64,
        maxInFlightBytes: 4 * 1024 * 1024,
        maxAppendBytes: 256 * 1024,
        maxUncommittedBytes: 8 * 1024 * 1024,
        trailingEntries: this.cluster.checkpoints?.trailingEntries ?? 10,
        diskStallTimeoutMs: 10 * ELECTION_TIMEOUT_MS,
        seed: number,
      },
      maxQueuedInputs: 10_000,
      maxPendingProposals: 10_000,
      proposalTimeoutMs: PROPOSAL_TIMEOUT_MS,
      readTimeoutMs: READ_TIMEOUT_MS,
      logStore: this.store,
      identity: this.identity(number),
      transport: network.transport(this.id),
      configuredPeers: this.configuredPeers ?? this.cluster.ids,
      stateMachine: this.machine,
      stateHash: () => this.machine.stateHash,
      checkpoints: this.checkpoints(),
      clock,
      observer: this.observer(),
      onLeaderRequest: (from, body) => this.onLeaderRequest(from, body),
      incarnation: number,
    });
  }

  private identity(number: number): IdentityOptions | null {
    if (!this.cluster.knowsStores) return null;
    let count = 0;
    const newStoreId = (): string => `store of ${this.id} begun anew by ${number}, ${(count += 1)}`;
    return { store: new FaultyIdentityStore(this.disk, this), newStoreId };
  }

  private checkpoints(): ReplicaOptions<RecordedOutcome>['checkpoints'] {
    const { checkpoints } = this.cluster;
    if (checkpoints === null) return null;
    const { everyEntries } = checkpoints;
    return { store: this.checkpointStore, stateMachine: this.machine, everyEntries, everyBytes: Infinity };
  }

  private observer(): ReplicaObserver {
    return {
      snapshotInstalled: ({ index }) => this.events.push(`snapshot at ${index}`),
      roleChanged: ({ role, term, leaderId }) => this.events.push(`${role} in term ${term}, leader ${leaderId}`),
      leadershipReady: (term) => this.events.push(`ready in term ${term}`),
      rejoining: (reason) => this.events.push(`rejoining: ${reason}`),
      stateHashDiffers: ({ peer }) => this.differing.add(peer),
      warning: (message) => this.events.push(`warning: ${message}`),
      failed: (error) => {
        if (error instanceof HistoryLostError) return this.historyLost(error);
        this.failure = error;
      },
    };
  }
}

class FaultyIdentityStore extends MemoryIdentityStore {
  constructor(
    disk: MemoryDisk,
    private readonly faults: Pick<
      TestNode,
      'foundingFaults' | 'startAnewFaults' | 'markLostFaults' | 'keepClaimFaults' | 'wantVoteFaults'
    >,
  ) {
    super(disk);
  }

  override async rememberFounders(founders: readonly NodeId[]): Promise<void> {
    const fault = this.faults.foundingFaults.shift();
    if (fault !== undefined) throw fault;
    return super.rememberFounders(founders);
  }

  override async startAnew(history: Parameters<MemoryIdentityStore['startAnew']>[0]): Promise<void> {
    const fault = this.faults.startAnewFaults.shift();
    if (fault !== undefined) throw fault;
    return super.startAnew(history);
  }

  override async keepClaim(epoch: number): Promise<void> {
    const fault = this.faults.keepClaimFaults.shift();
    if (fault !== undefined) throw fault;
    return super.keepClaim(epoch);
  }

  override async wantVoteBack(node: NodeId): Promise<void> {
    const fault = this.faults.wantVoteFaults.shift();
    if (fault !== undefined) throw fault;
    return super.wantVoteBack(node);
  }

  override async markLost(reason: LossReason): Promise<void> {
    const fault = this.faults.markLostFaults.shift();
    if (fault !== undefined) throw fault;
    return super.markLost(reason);
  }
}

/** Replicas of one cluster in one process: virtual time, a network and disks that tests can break. */
export class TestCluster {
  readonly clock = new VirtualClock();
  readonly network = new InMemoryNetwork(this.clock, LATENCY_MS);
  readonly ids: readonly NodeId[];
  readonly nodes: readonly TestNode[];
  private incarnations = 0;

  constructor(
    size = 3,
    /** Null: the logs are kept for ever. */
    readonly checkpoints: ClusterCheckpoints | null = null,
    /** Whether the nodes look at who the stores of the others are. */
    readonly knowsStores = false,
  ) {
    this.ids = Array.from({ length: size }, (_, position) => nodeId(`n${position + 1}`));
    this.nodes = this.ids.map((id) => new TestNode(id, this));
  }

  nextIncarnation(): number {
    this.incarnations += 1;
    return this.incarnations;
  }

  /** Starts all nodes and waits for a leader that all know. */
  async start(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.start()));
    await this.agreedLeader();
  }

  async agreedLeader(among: readonly TestNode[] = this.nodes): Promise<TestNode> {
    await this.clock.until(() => this.leaderOf(among) !== null);
    const leader = this.leaderOf(among);
    if (leader === null) throw new Error('there is no leader');
    return leader;
  }

  followersOf(leader: TestNode): readonly [TestNode, TestNode] {
    const [one, two] = this.nodes.filter((node) => node !== leader);
    if (one === undefined || two === undefined) throw new Error('the cluster has no two followers');
    return [one, two];
  }

  /** Runs until `promise` is settled. */
  async settled<Result>(promise: Promise<Result>): Promise<Settled<Result>> {
    let settled: Settled<Result> | null = null;
    promise.then(
      (value) => {
        settled = { value };
      },
      (error: unknown) => {
        settled = { error };
      },
    );
    await this.clock.until(() => settled !== null);
    if (settled === null) throw new Error('not settled');
    return settled;
  }

  /** Runs until `promise` resolves. @throws what it rejects with */
  async outcome<Result>(promise: Promise<Result>): Promise<Result> {
    const settled = await this.settled(promise);
    if ('error' in settled) throw settled.error;
    return settled.value;
  }

  /** Runs until `promise` rejects. */
  async failure(promise: Promise<unknown>): Promise<unknown> {
    const settled = await this.settled(promise);
    if ('value' in settled) throw new Error(`expected a failure, got ${JSON.stringify(settled.value)}`);
    return settled.error;
  }

  /** Runs until every node has applied the same commands, at least `count`. */
  async converged(count: number, among: readonly TestNode[] = this.nodes): Promise<readonly string[]> {
    const texts = () => among.map((node) => node.machine.texts.join());
    await this.clock.until(
      () => among.every((node) => node.machine.commands.length >= count) && new Set(texts()).size === 1,
    );
    return among[0]?.machine.texts ?? [];
  }

  async stop(): Promise<void> {
    const stopping = this.nodes.map((node) => node.replica.stop());
    await this.clock.settle();
    await Promise.all(stopping);
  }

  private leaderOf(among: readonly TestNode[]): TestNode | null {
    const statuses = among.map((node) => node.replica.status());
    const leader = among.find((node) => node.replica.status().role === 'leader');
    const status = leader?.replica.status();
    if (leader === undefined || status === undefined) return null;
    const isAgreed = statuses.every(
      ({ leaderId, currentTerm }) => leaderId === leader.id && currentTerm === status.currentTerm,
    );
    return isAgreed && leader.events.includes(`ready in term ${status.currentTerm}`) ? leader : null;
  }
}

export type Settled<Result> = { readonly value: Result } | { readonly error: unknown };
