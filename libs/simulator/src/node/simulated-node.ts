import type { LogIndex, LogPosition, Membership, NodeId, Role, Term } from '@latchkey/raft';
import {
  createReplica,
  HistoryLostError,
  LogStoreError,
  type Replica,
  type ReplicaObserver,
  type ReplicaOptions,
} from '@latchkey/replica';
import { answerQuestion, Lessor } from '@latchkey/lessor';
import { encodeCommandBatch, type ColdKeyRecord, type StateMachine, type StateReader } from '@latchkey/state-machine';
import { DiskAccess, type SimulatedDisk } from '../disk/disk-access.js';
import { DiskImage, NOBODY, type CheckpointWrite, type DiskWrite } from '../disk/disk-image.js';
import type { EntryChains } from '../disk/entry-chain.js';
import { SimulatedCheckpointStore } from '../disk/simulated-checkpoint-store.js';
import { SimulatedIdentityStore } from '../disk/simulated-identity-store.js';
import { SimulatedLogStore } from '../disk/simulated-log-store.js';
import { NodeGateway } from '../gateway/node-gateway.js';
import type { SimulatedNetwork } from '../network/simulated-network.js';
import type { EventQueue } from '../world/event-queue.js';
import type { Random } from '../world/random.js';
import { SimulatedProcess } from '../world/simulated-process.js';
import { NodeClock, type MachineTime } from './node-clock.js';
import { ObservedStateMachine, type AppliedEntry, type AppliedOutcome } from './observed-state-machine.js';

/** What the world must be told of a node. */
export interface NodeWatcher {
  diskWritten(node: SimulatedNode, write: DiskWrite): void;
  checkpointWritten(node: SimulatedNode, write: CheckpointWrite): void;
  applied(node: SimulatedNode, entry: AppliedEntry, state: Pick<StateReader, 'stateHash'>): void;
  /** Its state machine holds a state that it was given, in the place of entries. */
  restored(node: SimulatedNode, position: LogPosition, state: Pick<StateReader, 'stateHash'>): void;
  roleChanged(node: SimulatedNode, role: Role, term: Term): void;
  turnEnded(node: SimulatedNode): void;
  /** It gives up the history on its disk; told before it is gone. */
  begunAnew(node: SimulatedNode): void;
  failed(node: SimulatedNode, error: Error): void;
  /** A client was told of a write that was applied at `index`. */
  acknowledged(client: string, index: LogIndex): void;
  /** A value that is not in memory is in no row of its disk. */
  valueMissing(node: SimulatedNode, record: ColdKeyRecord, state: StateMachine): void;
  note(node: SimulatedNode, what: string, detail?: string): void;
}

export type NodeSettings = Pick<
  ReplicaOptions<AppliedOutcome>,
  'maxQueuedInputs' | 'maxPendingProposals' | 'proposalTimeoutMs' | 'readTimeoutMs'
> & {
  readonly raft: Omit<ReplicaOptions<AppliedOutcome>['raft'], 'nodeId'>;
  /** Null: no checkpoints. */
  readonly checkpointEveryEntries: number | null;
  /** Whether the nodes look at who the stores of the others are. */
  readonly knowsStores: boolean;
};

const SOON_MS = { min: 20, max: 400 };

/** The first membership of who joins a cluster that is there: it waits to be told of another one. */
const JOINING: Membership = { voters: [], votersOutgoing: [], learners: [] };

export type NodeWorld = {
  readonly queue: EventQueue;
  readonly network: SimulatedNetwork;
  readonly random: Random;
  /** Of a claim of a disk. */
  readonly newMark: () => number;
  readonly entryChains: EntryChains;
  readonly settings: NodeSettings;
  readonly watcher: NodeWatcher;
  readonly nextIncarnation: () => number;
  readonly committedChainAt: (index: number) => number | null;
};

/** One life of a node: the real replica on simulated ports. */
export type Life = {
  readonly incarnation: number;
  readonly process: SimulatedProcess;
  readonly replica: Replica<AppliedOutcome>;
  readonly reader: StateReader;
  readonly access: DiskAccess;
  readonly lessor: Lessor;
  readonly gateway: NodeGateway;
  /** As last told. */
  term: Term | 0;
  isLeader: boolean;
  /** How often something has happened since the end of a turn was looked at. */
  touchCount: number;
  /** It tells another hash of its state than it has. */
  isAstray: boolean;
};

/** A machine with its disk; processes come and go on it. */
export class SimulatedNode {
  readonly disk: SimulatedDisk;
  life: Life | null = null;
  /** Whether somebody starts its process again when that has ended. */
  isSupervised: boolean;
  /** Its machine came to a cluster that was there: with an empty disk it is one that joins. */
  joins: boolean;
  /** Whom its settings name; read when a process starts. */
  configuredPeers: readonly NodeId[];

  /** @param isFounder a member from the beginning */
  constructor(
    readonly id: NodeId,
    readonly time: MachineTime,
    private readonly world: NodeWorld,
    isFounder: boolean,
  ) {
    this.isSupervised = isFounder;
    this.joins = !isFounder;
    this.configuredPeers = world.settings.raft.initialMembership.voters;
    const image = new DiskImage(world.entryChains);
    image.identity = { ...image.identity, storeId: `${id}#0` };
    const rates = { errorRate: 0, unknownRate: 0, lieRate: 0 };
    const health = { latencyMs: () => 1, stalledUntilMs: 0, fullUntilMs: 0, ...rates, liesAboutLog: true };
    this.disk = { image, health, owner: null };
  }

  get isUp(): boolean {
    return this.life?.process.isAlive === true;
  }

  start(): void {
    if (this.isUp) return;
    const life = this.newLife();
    this.life = life;
    this.world.watcher.note(this, 'start');
    life.replica.start().catch((error: unknown) => {
      if (!life.process.isAlive || this.life !== life) return;
      // A store that cannot be read at the start ends the process; its supervisor starts it again.
      this.world.watcher.note(this, 'startFailed', String(error));
      this.crash({ peersLearn: true });
    });
  }

  /** As a supervisor does with a process that asks for it, also when nobody makes trouble any more. */
  private startSoon(): void {
    const { queue, random } = this.world;
    queue.schedule(queue.nowMs + random.between(SOON_MS.min, SOON_MS.max), () => this.start());
  }

  /** Nothing that is not on the disk survives. */
  crash({ peersLearn }: { readonly peersLearn: boolean }): void {
    const life = this.life;
    if (life === null || !life.process.isAlive) return;
    this.world.watcher.note(this, 'crash');
    life.process.crash();
    life.access.crashed();
    life.lessor.stop();
    this.life = null;
    life.gateway.crashed(peersLearn);
    this.world.network.leave(this.id, life.process, peersLearn);
  }

  /** Stops as on a signal; `onStopped` when the process has ended. */
  stop(onStopped: () => void): void {
    const life = this.life;
    if (life === null) return;
    this.world.watcher.note(this, 'stop');
    const ended = (): void => {
      if (this.life !== life) return;
      this.crash({ peersLearn: true });
      onStopped();
    };
    life.replica.stop().then(ended, ended);
  }

  /** A new machine under the old name. Only while no process runs. */
  replaceMachine(): void {
    this.exchangeDisk();
    this.joins = true;
    this.world.network.replaceMachine(this.id);
    this.world.watcher.note(this, 'wiped');
  }

  /** Another disk, with nothing on it. Only while no process runs. */
  exchangeDisk(): void {
    const { image } = this.disk;
    image.wipe();
    image.historyCount += 1;
    image.identity = { ...NOBODY, storeId: `${this.id}#${image.historyCount}` };
  }

  /** All that its disk may make it act by. @param first the cluster's first membership */
  knownMemberships(first: Membership | undefined): readonly Membership[] {
    const { checkpoint } = this.disk.image;
    const base = checkpoint?.membership ?? (this.joins ? undefined : first);
    return [...(base === undefined ? [] : [base]), ...this.disk.image.membershipsAfter(0)];
  }

  private newLife(): Life {
    const { queue, network, random, settings, watcher } = this.world;
    const incarnation = this.world.nextIncarnation();
    const schedule = (run: () => void): unknown => queue.schedule(queue.nowMs, run);
    const process = new SimulatedProcess(
      (run) => void schedule(run),
      () => this.crash({ peersLearn: true }),
    );
    const clock = new NodeClock(queue, process, this.time, () => {
      if (process.isAlive) watcher.turnEnded(this);
    });
    const access = this.newAccess(process);
    const stateMachine = new ObservedStateMachine(
      (entry) => {
        if (!process.portCalled()) return;
        watcher.applied(this, entry, stateMachine.machine);
        if (entry.result === null) return;
        lessor.applied(entry.result.leaseChanges);
        gateway.applied(entry.result);
      },
      (position) => {
        if (process.portCalled()) watcher.restored(this, position, stateMachine.machine);
      },
    );
    const { checkpointEveryEntries: everyEntries, knowsStores, ...replicaSettings } = settings;
    let storeCount = 0;
    const newStoreId = (): string => `${this.id}!${incarnation}.${(storeCount += 1)}`;
    const initialMembership = this.joins ? JOINING : settings.raft.initialMembership;
    const reader = stateMachine.machine;
    const checkpoints = new SimulatedCheckpointStore(access);
    const replica: Replica<AppliedOutcome> = createReplica({
      ...replicaSettings,
      raft: { ...settings.raft, initialMembership, nodeId: this.id, seed: random.integer(0, 2 ** 31) },
      logStore: new SimulatedLogStore(access),
      identity: knowsStores ? { store: new SimulatedIdentityStore(access), newStoreId } : null,
      transport: network.transport(this.id, process),
      configuredPeers: this.configuredPeers,
      stateMachine,
      stateHash: () => (this.life?.isAstray === true ? `${this.id} is astray` : reader.stateHash),
      checkpoints:
        everyEntries === null ? null : { store: checkpoints, stateMachine, everyEntries, everyBytes: Infinity },
      clock,
      observer: this.observer(process, { lessor: () => lessor, gateway: () => gateway }),
      onLeaderRequest: (_from, body) => answerQuestion(lessor, body),
      awaitsCommits: () => gateway.awaitsCommits,
      incarnation,
    });
    const lessor = new Lessor({
      clock,
      reader,
      propose: async (commands) =>
        (await replica.propose(encodeCommandBatch({ origin: { type: 'none' }, commands }))).result,
      confirmLeadership: () => replica.confirmLeadership(),
    });
    const gateway = new NodeGateway({
      nodeId: this.id,
      clock,
      reader,
      readRows: (keys) => checkpoints.readRows(keys),
      valueMissing: (record) => {
        if (process.isAlive) watcher.valueMissing(this, record, reader);
      },
      replica: () => replica,
      acknowledged: (client, index) => {
        if (process.isAlive) watcher.acknowledged(client, index);
      },
    });
    const beginning = { touchCount: 0, isAstray: false };
    return { incarnation, process, replica, reader, access, lessor, gateway, term: 0, isLeader: false, ...beginning };
  }

  private newAccess(process: SimulatedProcess): DiskAccess {
    const { queue, random, newMark, watcher, committedChainAt } = this.world;
    return new DiskAccess(this.disk, process, {
      queue,
      random,
      newMark,
      committedChainAt,
      onBegunAnew: () => watcher.begunAnew(this),
      onWritten: (write) => watcher.diskWritten(this, write),
      onCheckpoint: (write) => watcher.checkpointWritten(this, write),
    });
  }

  private observer(
    process: SimulatedProcess,
    { lessor, gateway }: { readonly lessor: () => Lessor; readonly gateway: () => NodeGateway },
  ): ReplicaObserver {
    const { watcher } = this.world;
    return {
      roleChanged: ({ role, term, leaderId }) => {
        lessor().stop();
        if (!process.isAlive) return;
        if (this.life !== null) Object.assign(this.life, { term, isLeader: role === 'leader' });
        watcher.roleChanged(this, role, term);
        gateway().leaderChanged(leaderId);
      },
      leadershipReady: (term) => {
        if (process.isAlive) lessor().start(term);
      },
      snapshotInstalled: () => {
        if (process.isAlive) gateway().jumped();
      },
      snapshotTransfer: ({ peer, direction, state }) => {
        if (process.isAlive) watcher.note(this, `snapshot ${direction} ${state}`, peer);
      },
      rejoining: (reason) => {
        if (process.isAlive) watcher.note(this, 'rejoining', reason ?? 'done');
      },
      warning: (message) => {
        if (process.isAlive) watcher.note(this, 'warning', message);
      },
      removed: () => {
        if (!process.isAlive) return;
        watcher.note(this, 'removed');
        // A process that ends for good is started again by some supervisors, and not by others.
        this.isSupervised = this.world.random.chance(0.5);
        this.crash({ peersLearn: true });
      },
      failed: (error) => {
        if (!process.isAlive) return;
        if (error instanceof HistoryLostError) {
          watcher.note(this, 'historyLost', error.message);
          this.crash({ peersLearn: true });
          this.startSoon();
          return;
        }
        const isDamaged = this.disk.image.damage !== null && error instanceof LogStoreError;
        if (!isDamaged || error.code !== 'corrupt') return watcher.failed(this, error);
        watcher.note(this, 'corrupt', error.message);
        this.crash({ peersLearn: true });
      },
    };
  }

  /** Applied by the present process. */
  get appliedIndex(): LogIndex | 0 {
    return this.life?.replica.status().appliedIndex ?? 0;
  }
}
