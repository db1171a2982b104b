import { nodeId, type NodeId } from '@latchkey/raft';
import { createReplica, type Replica } from '@latchkey/replica';
import { StateMachine, type ApplyResult } from '@latchkey/state-machine';
import { MemoryCheckpointStore, MemoryDisk, MemoryIdentityStore, MemoryLogStore } from '@latchkey/storage-memory';
import { REPLICA_LIMITS } from '../../apps/server/src/cluster/replica-options.js';
import { StandingClock } from './standing-clock.js';
import { WiredTransports } from './wired-transports.js';

const NODES = ['n1', 'n2', 'n3'];
const HEARTBEAT_MS = 200;
const ELECTION_TIMEOUT_MS = 1_000;
const MEBIBYTE = 1024 * 1024;
/** Enough for a follower that is a few batches behind. */
const TRAILING_ENTRIES = 10;

type DirectNode = { readonly machine: StateMachine; readonly replica: Replica<ApplyResult> };

/**
 * Three replicas in one process: everything that a write passes through on its nodes, but sockets and Postgres, whose cost
 * belongs to the system and would only blur what is measured. Checkpoints are taken when they are asked for.
 */
export class DirectCluster {
  private readonly clock = new StandingClock();
  private readonly transports = new WiredTransports(this.clock);
  private readonly nodes: readonly DirectNode[];

  private constructor() {
    const ids = NODES.map((id) => nodeId(id));
    this.nodes = ids.map((id, position) => this.newNode(id, { ids, number: position + 1 }));
  }

  /** Resolves when there is a leader, which stays. */
  static async start(): Promise<DirectCluster> {
    const cluster = new DirectCluster();
    const { clock, nodes } = cluster;
    await Promise.all([...nodes.map(({ replica }) => replica.start()), clock.settle()]);
    await clock.until(() => nodes.some(({ replica }) => replica.status().role === 'leader'));
    await clock.advance(2 * HEARTBEAT_MS);
    clock.stand();
    return cluster;
  }

  get leader(): DirectNode {
    const leader = this.nodes.find(({ replica }) => replica.status().role === 'leader');
    if (leader === undefined) throw new Error('there is no leader');
    return leader;
  }

  /** Every node saves its state and drops the log below it. */
  async checkpoint(): Promise<void> {
    await Promise.all(this.nodes.map(({ replica }) => replica.checkpoint()));
  }

  private newNode(
    id: NodeId,
    { ids, number }: { readonly ids: readonly NodeId[]; readonly number: number },
  ): DirectNode {
    const machine = new StateMachine();
    const disk = new MemoryDisk(`store of ${id}`);
    const replica = createReplica<ApplyResult>({
      raft: {
        nodeId: id,
        initialMembership: { voters: ids, votersOutgoing: [], learners: [] },
        heartbeatIntervalMs: HEARTBEAT_MS,
        electionTimeoutMs: ELECTION_TIMEOUT_MS,
        peerDownDelayMs: HEARTBEAT_MS,
        maxInFlightAppends: 256,
        maxInFlightBytes: 8 * MEBIBYTE,
        maxAppendBytes: MEBIBYTE / 2,
        maxUncommittedBytes: 64 * MEBIBYTE,
        trailingEntries: TRAILING_ENTRIES,
        diskStallTimeoutMs: 3 * ELECTION_TIMEOUT_MS,
        seed: number,
      },
      ...REPLICA_LIMITS,
      logStore: new MemoryLogStore(disk),
      identity: { store: new MemoryIdentityStore(disk), newStoreId: () => `another store of ${id}` },
      transport: this.transports.transport(id),
      configuredPeers: ids,
      stateMachine: machine,
      stateHash: () => machine.stateHash,
      checkpoints: {
        store: new MemoryCheckpointStore(disk),
        stateMachine: machine,
        everyEntries: Infinity,
        everyBytes: Infinity,
      },
      clock: this.clock,
      observer: {
        failed: (error) => {
          throw error;
        },
      },
      onLeaderRequest: async (_from, body) => body,
      awaitsCommits: () => false,
      incarnation: number,
    });
    return { machine, replica };
  }
}
