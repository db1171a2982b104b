import { logIndex, nodeId, type LogIndex, type LogPosition, type NodeId, type Role, type Term } from '@latchkey/raft';
import type { ApplyResult, ColdKeyRecord, StateMachine, StateReader } from '@latchkey/state-machine';
import type { CheckpointWrite, DiskWrite } from '../disk/disk-image.js';
import { EntryChains } from '../disk/entry-chain.js';
import { AllInvariants, type Violation } from '../invariants/all-invariants.js';
import { NO_BELIEFS, type ClientBeliefs } from '../invariants/client-beliefs.js';
import { CommittedLog } from '../invariants/committed-log.js';
import { voterSetsOf } from '../invariants/quorum.js';
import { SimulatedNetwork, type NetworkBehaviour } from '../network/simulated-network.js';
import type { AppliedEntry } from '../node/observed-state-machine.js';
import { SimulatedNode, type NodeWatcher } from '../node/simulated-node.js';
import type { SimulationPlan } from '../plan.js';
import { EventQueue } from './event-queue.js';
import { nodeSettings } from './node-settings.js';
import { Random } from './random.js';
import { Trace, type TraceLine } from './trace.js';

/** A reaction of this runs after all that an event has led to by then. */
const SETTLED = Promise.resolve();

/** Calm until faults change it. */
const CALM_LATENCY_MS = { min: 0.2, max: 1.5 };
const CALM_DISK_MS = { min: 0.3, max: 3 };
const CALM_TURN_MS = { min: 0.02, max: 0.1 };
/** What is asked of a follower's status could not be undone before the next look: one in so many writes is enough. */
const FOLLOWER_TOUCHES = 4;
/** States go apart for good, as each hash contains all before it: of repeated applies one in so many is compared. */
const HASH_EVERY = 4;
const CONNECT_MS = { min: 5, max: 50 };
const SILENCE_TIMEOUT_MS = 3_000;
/** No two clocks are alike; clients allow for one percent. */
const USUAL_CLOCK_DRIFT = 0.002;
const MAX_CLOCK_DRIFT = 0.1;

/** Nodes, wires and disks of one cluster in virtual time, and all invariants watching them. */
export class World implements NodeWatcher {
  readonly queue = new EventQueue();
  readonly trace: Trace;
  readonly nodes: readonly SimulatedNode[];
  readonly network: SimulatedNetwork;
  readonly invariants: AllInvariants;
  readonly committed: CommittedLog;
  /** The first broken promise; the run ends with it. */
  violation: Violation | null = null;
  behaviour: NetworkBehaviour;
  /** Told of what each entry did, when the first node applies it. */
  onCommitted: (result: ApplyResult) => void = () => undefined;
  /** What clients believe, for the invariants that hold them to the state. */
  beliefs: ClientBeliefs = NO_BELIEFS;
  /** By how much clocks run fast or slow at the most, as a part of one. */
  readonly clockDrift: number;
  /** The phase with faults has ended. */
  areFaultsOver = false;
  eventCount = 0;

  constructor(
    readonly plan: SimulationPlan,
    listener: ((line: TraceLine) => void) | null = null,
  ) {
    this.trace = new Trace(listener);
    this.clockDrift = Math.max(USUAL_CLOCK_DRIFT, MAX_CLOCK_DRIFT * (plan.faults.clockDrift ?? 0));
    const { nodeCount, spareCount } = plan;
    const ids = Array.from({ length: nodeCount + spareCount }, (_, position) => nodeId(`n${position + 1}`));
    const founders = ids.slice(0, nodeCount);
    this.behaviour = this.calmNetwork();
    this.network = this.createNetwork(ids);
    const settings = nodeSettings(plan, founders);
    this.nodes = this.createNodes(ids, settings);
    const disks = new Map(this.nodes.map(({ id, disk }) => [id, disk.image]));
    this.committed = new CommittedLog(disks, settings.raft.initialMembership);
    this.invariants = new AllInvariants((violation) => this.violate(violation), {
      view: this.committed,
      beliefs: () => this.beliefs,
      limits: { maxInFlightAppends: settings.raft.maxInFlightAppends, maxAppendBytes: settings.raft.maxAppendBytes },
    });
  }

  get nowMs(): number {
    return this.queue.nowMs;
  }

  /** Runs until `untilMs`, until `isDone` holds (asked after each event) or a promise is broken. */
  runUntil(untilMs: number, isDone: () => boolean = () => false): Promise<boolean> {
    return new Promise((resolve, reject) => {
      // Node takes the callbacks of `nextTick` when no promise reaction is left, also none that others led to; much
      // cheaper than going through its event loop.
      const goOnLater = (): void => process.nextTick(goOn);
      const goOn = (): void => {
        try {
          const isEnded = this.runUntilReactions(untilMs, isDone);
          if (isEnded === null) void SETTLED.then(goOnLater);
          else resolve(isEnded);
        } catch (error) {
          reject(error);
        }
      };
      // Nothing of what runs here may be under way before the first reaction.
      void SETTLED.then(goOnLater);
    });
  }

  /** Resolves when `ms` of true time have passed. */
  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.queue.schedule(this.nowMs + ms, resolve));
  }

  violate(violation: Violation): void {
    if (this.violation !== null) return;
    this.violation = violation;
    this.trace.note(this.nowMs, null, 'violation', { detail: `${violation.invariant}: ${violation.message}` });
  }

  calmNetwork(): NetworkBehaviour {
    const random = new Random(this.plan.seed, 'latency');
    return {
      latencyMs: () => random.between(CALM_LATENCY_MS.min, CALM_LATENCY_MS.max),
      connectDelayMs: () => random.between(CONNECT_MS.min, CONNECT_MS.max),
      silenceTimeoutMs: SILENCE_TIMEOUT_MS,
      dropRate: 0,
      duplicateRate: 0,
      reorders: false,
      deliversStale: false,
    };
  }

  diskWritten(node: SimulatedNode, write: DiskWrite): void {
    const { image } = node.disk;
    if (node.life !== null) node.life.touchCount += 1;
    this.trace.note(this.nowMs, node.id, 'disk', {
      first: image.lastIndex,
      second: image.hardState.currentTerm,
      detail: write.removedFrom === null ? (image.hardState.votedFor ?? '') : `cut ${write.removedFrom}`,
    });
    this.invariants.diskWritten({ node: node.id, disk: image, ...write });
  }

  checkpointWritten(node: SimulatedNode, write: CheckpointWrite): void {
    const { image } = node.disk;
    if (node.life !== null) node.life.touchCount += 1;
    const { kind } = write;
    this.trace.note(this.nowMs, node.id, kind, {
      first: kind === 'compact' ? image.base.index : image.checkpointIndex,
    });
    this.invariants.checkpointWritten({ node: node.id, disk: image, ...write });
  }

  restored(node: SimulatedNode, position: LogPosition, { stateHash }: Pick<StateReader, 'stateHash'>): void {
    if (node.life !== null) node.life.touchCount += FOLLOWER_TOUCHES;
    this.trace.note(this.nowMs, node.id, 'restored', { first: position.index, second: position.term });
    this.invariants.restored({ node: node.id, position, stateHash });
  }

  applied(
    node: SimulatedNode,
    { index, term, command, result }: AppliedEntry,
    state: Pick<StateReader, 'stateHash'>,
  ): void {
    const isFirst = index === this.committed.committedIndex + 1;
    const stateHash = isFirst || index % HASH_EVERY === 0 ? state.stateHash : null;
    // Whoever applies it later comes to the same hash, or breaks a promise.
    const detail = isFirst && stateHash !== null ? stateHash : '';
    this.trace.note(this.nowMs, node.id, 'apply', { first: index, second: term, detail });
    const fact = { node: node.id, index, term, command, result, stateHash, isFirst, nowMs: this.nowMs };
    if (!isFirst) return this.invariants.applied(fact);
    if (result !== null) this.noteEffects(result);
    if (!this.committed.commit({ index, term }, node.life?.term || term)) {
      const message = `${node.id} applied entry ${index}/${term}, which no disk holds after the committed log`;
      this.violate({ invariant: 'durableQuorum', message });
      return;
    }
    if (result !== null) this.onCommitted(result);
    this.invariants.applied(fact);
  }

  valueMissing(node: SimulatedNode, record: ColdKeyRecord, state: StateMachine): void {
    this.note(node, 'value missing', `${record.modRevision}`);
    if (node.disk.health.lieRate > 0) return;
    const [isReadable, appliedIndex] = [state.isReadable(record), logIndex(state.lastApplied)];
    this.invariants.valueMissing({ node: node.id, record, isReadable, appliedIndex, disk: node.disk.image });
  }

  acknowledged(client: string, index: LogIndex): void {
    this.invariants.acknowledged({ client, index });
  }

  roleChanged(node: SimulatedNode, role: Role, term: Term): void {
    this.trace.note(this.nowMs, node.id, role, { first: term });
    const { life } = node;
    if (life === null) return;
    life.touchCount += FOLLOWER_TOUCHES;
    this.invariants.roleChanged({ node: node.id, role, term, status: life.replica.status() });
  }

  turnEnded(node: SimulatedNode): void {
    const { life } = node;
    // Nothing that is looked at changes without a write or a role, or it shows at the next of them.
    if (life === null || life.touchCount < (life.isLeader ? 1 : FOLLOWER_TOUCHES)) return;
    life.touchCount = 0;
    this.invariants.turnEnded({ node: node.id, process: life.incarnation, status: life.replica.status() });
  }

  /** Nobody counts on a store any more that is given up (FAILURE-MODES 32). */
  begunAnew(node: SimulatedNode): void {
    this.note(node, 'begun anew');
    if (!voterSetsOf(this.committed.membership).some((voters) => voters.includes(node.id))) return;
    this.violate({ invariant: 'silentWhenLost', message: `${node.id} gives up its history, and has a vote` });
  }

  failed(node: SimulatedNode, error: Error): void {
    const { stack = '' } = error;
    this.violate({ invariant: 'replicaFailed', message: `${node.id} stopped for good: ${error.message}`, stack });
  }

  note(node: SimulatedNode, what: string, detail = ''): void {
    this.trace.note(this.nowMs, node.id, what, { detail });
  }

  /** Once for all nodes: who got or lost a lease or a lock. */
  private noteEffects({ leaseChanges, grants }: ApplyResult): void {
    for (const change of leaseChanges) {
      const detail = change.type === 'ended' ? `${change.leaseId} ${change.reason}` : change.leaseId;
      this.trace.note(this.nowMs, null, `lease ${change.type}`, { detail });
    }
    for (const { name, leaseId, fencingToken } of grants) {
      this.trace.note(this.nowMs, null, 'lock granted', { first: fencingToken, detail: `${name} ${leaseId}` });
    }
  }

  /** Null when promise reactions must run before the next event; else as `runUntil`. */
  private runUntilReactions(untilMs: number, isDone: () => boolean): boolean | null {
    while (this.violation === null) {
      if (isDone()) return true;
      if (!this.queue.runNext(untilMs)) return isDone();
      this.eventCount += 1;
      if (!this.queue.wasQuiet) return null;
    }
    return false;
  }

  private createNetwork(ids: readonly NodeId[]): SimulatedNetwork {
    return new SimulatedNetwork(ids, {
      queue: this.queue,
      random: new Random(this.plan.seed, 'network'),
      behaviour: () => this.behaviour,
      onSent: (fact) => this.invariants.sent(fact),
      onDelivered: ({ from, to, message }) => {
        const raft = message.type === 'raft' ? message.message : null;
        this.trace.note(this.nowMs, to, raft?.type ?? message.type, { first: raft?.term ?? 0, detail: from });
      },
    });
  }

  private createNodes(ids: readonly NodeId[], settings: ReturnType<typeof nodeSettings>): SimulatedNode[] {
    const incarnations = new Random(this.plan.seed, 'incarnations');
    const random = new Random(this.plan.seed, 'nodes');
    const entryChains = new EntryChains();
    const disk = new Random(this.plan.seed, 'disk');
    const marks = new Random(this.plan.seed, 'marks');
    const world = {
      queue: this.queue,
      network: this.network,
      random: disk,
      newMark: () => marks.bits48(),
      entryChains,
      settings,
      watcher: this,
      committedChainAt: (index: number) => this.committed.committedChainAt(index),
      nextIncarnation: () => incarnations.integer(0, 2 ** 31) * 2 ** 16 + incarnations.integer(0, 2 ** 16 - 1),
    };
    const drift = this.clockDrift;
    return ids.map((id, position) => {
      const turnDelayMs = (): number => random.between(CALM_TURN_MS.min, CALM_TURN_MS.max);
      const time = { rate: 1 + random.between(-drift, drift), lostMs: 0, wallOffsetMs: 0, turnDelayMs };
      const node = new SimulatedNode(id, time, world, position < this.plan.nodeCount);
      node.disk.health.latencyMs = () => disk.between(CALM_DISK_MS.min, CALM_DISK_MS.max);
      return node;
    });
  }
}
