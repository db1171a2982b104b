import { nodeId, type NodeId, type Role, type Term } from '@latchkey/raft';
import type { ApplyResult } from '@latchkey/state-machine';
import type { DiskWrite } from '../disk/disk-image.js';
import { AllInvariants, type Violation } from '../invariants/all-invariants.js';
import { CommittedLog } from '../invariants/committed-log.js';
import { SimulatedNetwork, type NetworkBehaviour } from '../network/simulated-network.js';
import type { AppliedEntry } from '../node/observed-state-machine.js';
import { SimulatedNode, type NodeWatcher } from '../node/simulated-node.js';
import type { SimulationPlan } from '../plan.js';
import { EventQueue } from './event-queue.js';
import { nodeSettings } from './node-settings.js';
import { Random } from './random.js';
import { Trace, type TraceLine } from './trace.js';

/**
 * Promise reactions that are run between two events. A chain that is longer goes on between the next ones, in an order
 * that is as fixed as everything else: the number decides how much can happen at one instant, not whether runs repeat.
 */
const MICROTASKS_PER_EVENT = 4;
const SETTLED = Promise.resolve();

/** Calm until faults change it. */
const CALM_LATENCY_MS = { min: 0.2, max: 1.5 };
const CALM_DISK_MS = { min: 0.3, max: 3 };
const CALM_TURN_MS = { min: 0.02, max: 0.1 };
const CONNECT_MS = { min: 5, max: 50 };
const SILENCE_TIMEOUT_MS = 3_000;

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
  /** The phase with faults has ended. */
  areFaultsOver = false;
  eventCount = 0;

  constructor(
    readonly plan: SimulationPlan,
    listener: ((line: TraceLine) => void) | null = null,
  ) {
    this.trace = new Trace(listener);
    const ids = Array.from({ length: plan.nodeCount }, (_, position) => nodeId(`n${position + 1}`));
    this.behaviour = this.calmNetwork();
    this.network = this.createNetwork(ids);
    const settings = nodeSettings(plan, ids);
    this.nodes = this.createNodes(ids, settings);
    const disks = new Map(this.nodes.map(({ id, disk }) => [id, disk.image]));
    this.committed = new CommittedLog(disks, Math.floor(ids.length / 2) + 1);
    this.invariants = new AllInvariants((violation) => this.violate(violation), {
      view: this.committed,
      limits: { maxInFlightAppends: settings.raft.maxInFlightAppends, maxAppendBytes: settings.raft.maxAppendBytes },
    });
  }

  get nowMs(): number {
    return this.queue.nowMs;
  }

  /** Runs until `untilMs`, until `isDone` holds (asked after each event) or a promise is broken. */
  async runUntil(untilMs: number, isDone: () => boolean = () => false): Promise<boolean> {
    while (this.violation === null) {
      if (isDone()) return true;
      if (!this.queue.runNext(untilMs)) return isDone();
      this.eventCount += 1;
      for (let count = 0; count < MICROTASKS_PER_EVENT; count += 1) await SETTLED;
    }
    return false;
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
    if (node.life !== null) node.life.isTouched = true;
    this.trace.note(this.nowMs, node.id, 'disk', {
      first: image.lastIndex,
      second: image.hardState.currentTerm,
      detail: write.removedFrom === null ? (image.hardState.votedFor ?? '') : `cut ${write.removedFrom}`,
    });
    this.invariants.diskWritten({ node: node.id, disk: image, ...write });
  }

  applied(node: SimulatedNode, entry: AppliedEntry, stateHash: string): void {
    const { index, term } = entry;
    this.trace.note(this.nowMs, node.id, 'apply', { first: index, second: term, detail: stateHash });
    const isFirst = index === this.committed.committedIndex + 1;
    if (isFirst && entry.result !== null) this.noteEffects(entry.result);
    if (isFirst && !this.committed.commit(entry, node.life?.term || term)) {
      const message = `${node.id} applied entry ${index}/${term}, which no disk holds after the committed log`;
      this.violate({ invariant: 'durableQuorum', message });
      return;
    }
    if (isFirst && entry.result !== null) this.onCommitted(entry.result);
    this.invariants.applied({ ...entry, node: node.id, stateHash, isFirst, nowMs: this.nowMs });
  }

  roleChanged(node: SimulatedNode, role: Role, term: Term): void {
    this.trace.note(this.nowMs, node.id, role, { first: term });
    const { life } = node;
    if (life === null) return;
    life.isTouched = true;
    this.invariants.roleChanged({ node: node.id, role, term, status: life.replica.status() });
  }

  turnEnded(node: SimulatedNode): void {
    const { life } = node;
    // Most turns: nothing that is looked at changes without a write or a role, or it shows at the next of them.
    if (life === null || !life.isTouched) return;
    life.isTouched = false;
    this.invariants.turnEnded({ node: node.id, process: life.incarnation, status: life.replica.status() });
  }

  failed(node: SimulatedNode, error: Error): void {
    this.violate({
      invariant: 'replicaFailed',
      message: `${node.id} stopped for good: ${error.stack ?? error.message}`,
    });
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
    const disk = new Random(this.plan.seed, 'disk');
    const world = {
      queue: this.queue,
      network: this.network,
      random: disk,
      settings,
      watcher: this,
      nextIncarnation: () => incarnations.integer(0, 2 ** 31) * 2 ** 16 + incarnations.integer(0, 2 ** 16 - 1),
    };
    const drift = 0.1 * (this.plan.faults.clockDrift ?? 0);
    return ids.map((id) => {
      const turnDelayMs = (): number => random.between(CALM_TURN_MS.min, CALM_TURN_MS.max);
      const time = { rate: 1 + random.between(-drift, drift), lostMs: 0, wallOffsetMs: 0, turnDelayMs };
      const node = new SimulatedNode(id, time, world);
      node.disk.health.latencyMs = () => disk.between(CALM_DISK_MS.min, CALM_DISK_MS.max);
      return node;
    });
  }
}
