import type { LogIndex, NodeId, Role, Term } from '@latchkey/raft';
import { createReplica, type Replica, type ReplicaObserver, type ReplicaOptions } from '@latchkey/replica';
import { isLeaseId, type LeaseId, type StateReader } from '@latchkey/state-machine';
import { DiskImage, type DiskWrite } from '../disk/disk-image.js';
import { SimulatedLogStore, type SimulatedDisk } from '../disk/simulated-log-store.js';
import type { SimulatedNetwork } from '../network/simulated-network.js';
import type { EventQueue } from '../world/event-queue.js';
import type { Random } from '../world/random.js';
import { SimulatedProcess } from '../world/simulated-process.js';
import { SimulatedLessor } from './lessor.js';
import { NodeClock, type MachineTime } from './node-clock.js';
import { ObservedStateMachine, type AppliedEntry, type AppliedOutcome } from './observed-state-machine.js';

/** What the world must be told of a node. */
export interface NodeWatcher {
  diskWritten(node: SimulatedNode, write: DiskWrite): void;
  applied(node: SimulatedNode, entry: AppliedEntry, stateHash: string): void;
  roleChanged(node: SimulatedNode, role: Role, term: Term): void;
  turnEnded(node: SimulatedNode): void;
  failed(node: SimulatedNode, error: Error): void;
  note(node: SimulatedNode, what: string, detail?: string): void;
}

export type NodeSettings = Pick<
  ReplicaOptions<AppliedOutcome>,
  'maxQueuedInputs' | 'maxPendingProposals' | 'proposalTimeoutMs' | 'readTimeoutMs'
> & {
  readonly raft: Omit<ReplicaOptions<AppliedOutcome>['raft'], 'nodeId'>;
};

export type NodeWorld = {
  readonly queue: EventQueue;
  readonly network: SimulatedNetwork;
  readonly random: Random;
  readonly settings: NodeSettings;
  readonly watcher: NodeWatcher;
  readonly nextIncarnation: () => number;
};

/** One life of a node: the real replica on simulated ports. */
export type Life = {
  readonly incarnation: number;
  readonly process: SimulatedProcess;
  readonly replica: Replica<AppliedOutcome>;
  readonly reader: StateReader;
  readonly store: SimulatedLogStore;
  readonly lessor: SimulatedLessor;
  /** As last told. */
  term: Term | 0;
  /** Something happened that the next end of a turn must be looked at for. */
  isTouched: boolean;
};

const YES = Uint8Array.of(1);
const NO = Uint8Array.of(0);

/** A machine with its disk; processes come and go on it. */
export class SimulatedNode {
  readonly disk: SimulatedDisk;
  life: Life | null = null;

  constructor(
    readonly id: NodeId,
    readonly time: MachineTime,
    private readonly world: NodeWorld,
  ) {
    const image = new DiskImage();
    const health = { latencyMs: () => 1, stalledUntilMs: 0, fullUntilMs: 0, errorRate: 0, unknownRate: 0, lieRate: 0 };
    this.disk = { image, health };
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

  /** Nothing that is not on the disk survives. */
  crash({ peersLearn }: { readonly peersLearn: boolean }): void {
    const life = this.life;
    if (life === null || !life.process.isAlive) return;
    this.world.watcher.note(this, 'crash');
    life.process.crash();
    life.store.crashed();
    life.lessor.stop();
    this.life = null;
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
    const store = new SimulatedLogStore(this.disk, process, {
      queue,
      random,
      onWritten: (write) => watcher.diskWritten(this, write),
    });
    const stateMachine = new ObservedStateMachine((entry) => {
      if (!process.portCalled()) return;
      watcher.applied(this, entry, stateMachine.machine.stateHash);
      if (entry.result !== null) lessor.applied(entry.result.leaseChanges);
    });
    const replica: Replica<AppliedOutcome> = createReplica({
      ...settings,
      raft: { ...settings.raft, nodeId: this.id, seed: random.integer(0, 2 ** 31) },
      logStore: store,
      transport: network.transport(this.id, process),
      stateMachine,
      clock,
      observer: this.observer(process, () => lessor),
      onLeaderRequest: async (_from, body) => ((await lessor.renew(leaseIdOf(body))) ? YES : NO),
      incarnation,
    });
    const lessor = new SimulatedLessor({ clock, reader: stateMachine.machine, replica: () => replica });
    return { incarnation, process, replica, reader: stateMachine.machine, store, lessor, term: 0, isTouched: true };
  }

  private observer(process: SimulatedProcess, lessor: () => SimulatedLessor): ReplicaObserver {
    const { watcher } = this.world;
    return {
      roleChanged: ({ role, term }) => {
        lessor().stop();
        if (!process.isAlive) return;
        if (this.life !== null) this.life.term = term;
        watcher.roleChanged(this, role, term);
      },
      leadershipReady: (term) => {
        if (process.isAlive) lessor().start(term);
      },
      warning: (message) => {
        if (process.isAlive) watcher.note(this, 'warning', message);
      },
      failed: (error) => {
        if (process.isAlive) watcher.failed(this, error);
      },
    };
  }

  /** Applied by the present process. */
  get appliedIndex(): LogIndex | 0 {
    return this.life?.replica.status().appliedIndex ?? 0;
  }
}

export const leaseRequestBody = (leaseId: string): Uint8Array =>
  Uint8Array.from(leaseId, (character) => character.charCodeAt(0));

function leaseIdOf(body: Uint8Array): LeaseId {
  const text = String.fromCharCode(...body);
  if (!isLeaseId(text)) throw new RangeError(`not a lease id: ${text}`);
  return text;
}
