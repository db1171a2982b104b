import type { Effect } from '../effects.js';
import { readId, type NodeId, type PersistId, type ReadId, type Term } from '../ids.js';
import type { Input } from '../inputs.js';
import type { RaftMessage } from '../messages.js';
import type { RaftConfig } from '../raft-config.js';
import { RaftNode } from '../raft-node.js';
import type { RaftStatus } from '../raft-status.js';
import type { LogPosition, SnapshotMeta } from '../snapshot-meta.js';
import type { EventQueue } from './event-queue.js';
import { ensure, type RaftOracle } from './raft-oracle.js';
import type { StoredLog } from './stored-log.js';
import { VirtualApplier } from './virtual-applier.js';
import { takeTransaction, VirtualDisk, type VirtualWrite } from './virtual-disk.js';
import type { StateImage } from './virtual-state.js';

type InstallEffect = Extract<Effect, { readonly type: 'installSnapshot' }>;
type SendSnapshotEffect = Extract<Effect, { readonly type: 'sendSnapshot' }>;
type SendEffect = Extract<Effect, { readonly type: 'send' }>;

export type VirtualNodeOptions = {
  readonly config: RaftConfig;
  readonly events: EventQueue;
  readonly oracle: RaftOracle;
  readonly send: (from: NodeId, to: NodeId, message: RaftMessage) => void;
  readonly sendSnapshot: (transfer: SnapshotTransfer) => void;
  /** Entries applied from one checkpoint to the next; null for none. */
  readonly checkpointEvery: number | null;
  /** How long the next write takes. */
  readonly drawWriteMs: () => number;
};

/** A whole snapshot on its way. `ended` may be called more than once, and late: only the first call for it counts. */
export type SnapshotTransfer = {
  readonly from: NodeId;
  readonly to: NodeId;
  readonly leaderTerm: Term;
  readonly image: StateImage;
  readonly ended: (delivered: boolean) => void;
};

/** What a crash destroys. */
type Process = {
  readonly raft: RaftNode;
  /** The log as the node has it, on disk or not. */
  readonly log: StoredLog;
  readonly unwritten: VirtualWrite[];
  held: SendEffect[];
  durableId: number;
  isWriting: boolean;
  tickDueMs: number;
  readonly applier: VirtualApplier;
  /** Snapshots on their way from here. */
  readonly transfers: Map<NodeId, SnapshotTransfer>;
  /** The snapshot that was reported to the core and that it may take. */
  staged: StateImage | null;
  /** To be called when that installation is on disk. */
  readonly installing: Map<PersistId, () => void>;
  readonly reads: Map<ReadId, number>;
};

/** A RaftNode with a disk, driven in virtual time: one write at a time, the next takes all that has gathered. */
export class VirtualNode {
  readonly id: NodeId;
  readonly disk = new VirtualDisk();
  completedReads = 0;
  failedReads = 0;
  /** How often this node was told that it is no member any more; it then stops. */
  removals = 0;
  /** Effects without a consequence here: refusals, committed memberships, ended transfers. */
  readonly outcomes: Effect[] = [];
  installedSnapshots = 0;
  /** The disk does nothing more until this is false again. */
  private isDiskStalled = false;
  private stalledWrite: (() => void) | null = null;
  /** Starts high above the ids of the process before: an answer to that one must not look like one to this. */
  private lastReadId = 0;
  private process: Process | null = null;
  private starts = 0;

  constructor(private readonly options: VirtualNodeOptions) {
    this.id = options.config.nodeId;
    this.start();
  }

  get isUp(): boolean {
    return this.process !== null;
  }

  get status(): RaftStatus | null {
    return this.process?.raft.status() ?? null;
  }

  /** From what is on disk, with other timeouts than last time. */
  start(): void {
    ensure(this.process === null, `${this.id} runs already`);
    this.starts += 1;
    const { config, events } = this.options;
    const raftConfig = { ...config, seed: config.seed + this.starts * 1_000 };
    const log = this.disk.log.copy();
    const { hardState, checkpoint } = this.disk;
    const durable = { hardState, base: log.base, entries: log.entries.slice(), snapshot: checkpoint?.meta ?? null };
    this.process = {
      raft: new RaftNode(raftConfig, durable, events.nowMs),
      log,
      unwritten: [],
      held: [],
      durableId: 0,
      isWriting: false,
      tickDueMs: Infinity,
      applier: this.newApplier(),
      transfers: new Map(),
      staged: null,
      installing: new Map(),
      reads: new Map(),
    };
    this.scheduleTick(this.process);
  }

  /** Loses everything but the disk. */
  crash(): void {
    this.process = null;
  }

  read(): void {
    const { process } = this;
    if (process === null) return;
    this.lastReadId += 1;
    const id = readId(this.lastReadId);
    process.reads.set(id, this.options.oracle.committedCount);
    this.step({ type: 'read', readId: id });
  }

  step(input: Input): Effect[] {
    const { process } = this;
    if (process === null) return [];
    const effects = process.raft.step(input, this.options.events.nowMs);
    for (const effect of effects) this.run(process, effect);
    this.scheduleTick(process);
    if (input.type === 'peerDown') process.transfers.get(input.peer)?.ended(false);
    return effects;
  }

  /** Writes that are under way, and all after them, wait for `resumeDisk`. */
  stallDisk(): void {
    this.isDiskStalled = true;
  }

  resumeDisk(): void {
    this.isDiskStalled = false;
    const write = this.stalledWrite;
    this.stalledWrite = null;
    write?.();
  }

  /** @param answer whether the snapshot is held here, or is not needed; not called when the process ends before */
  receiveSnapshot({ from, leaderTerm, image }: SnapshotTransfer, answer: (isHeld: boolean) => void): void {
    const { process } = this;
    if (process === null) return;
    process.staged = image;
    const effects = this.step({ type: 'snapshotReceived', from, term: leaderTerm, snapshot: image.meta });
    const install = effects.find((effect) => effect.type === 'installSnapshot');
    if (install === undefined) answer((this.status?.commitIndex ?? 0) >= image.meta.index);
    else process.installing.set(install.persistId, () => answer(true));
  }

  private run(process: Process, effect: Effect): void {
    const { oracle } = this.options;
    switch (effect.type) {
      case 'persist':
        process.log.write(effect);
        oracle.appended(this.id, effect.entries, process.log);
        return this.enqueueWrite(process, effect);
      case 'installSnapshot':
        return this.install(process, effect);
      case 'compactLog':
        return this.compactLog(process, effect.base);
      case 'sendSnapshot':
        return this.sendSnapshot(process, effect);
      case 'send':
        if (effect.afterPersist !== null && effect.afterPersist > process.durableId) process.held.push(effect);
        else this.options.send(this.id, effect.to, effect.message);
        return;
      case 'apply':
        return process.applier.apply(effect.entries);
      case 'completeRead':
        this.completedReads += 1;
        return oracle.completedRead(this.id, effect.readIndex, takeRead(process, effect.readId));
      case 'failRead':
        this.failedReads += 1;
        takeRead(process, effect.readId);
        return;
      case 'roleChanged':
        if (effect.role === 'leader') oracle.leads(this.id, effect.term, process.log);
        return;
      case 'removed':
        this.removals += 1;
        this.crash();
        return;
      default:
        this.outcomes.push(effect);
    }
  }

  private newApplier(): VirtualApplier {
    const { oracle, checkpointEvery, config } = this.options;
    return new VirtualApplier({
      disk: this.disk,
      checkpointEvery,
      initialMembership: config.initialMembership,
      afterWrite: (run) => this.afterWrite(run),
      onApply: (entries) => {
        const { status } = this;
        ensure(status !== null, `${this.id} applies while it is down`);
        oracle.applied(this.id, entries, { term: status.currentTerm, membership: status.membership });
      },
      onState: ({ meta, stateHash }) => oracle.holdsState(this.id, meta, stateHash),
      onCheckpoint: (index) => this.step({ type: 'checkpointed', index }),
    });
  }

  private install(process: Process, effect: InstallEffect): void {
    const image = process.staged;
    ensure(image !== null && image.meta.index === effect.snapshot.index, `${this.id} installs what it did not receive`);
    process.log.install(effect.snapshot, effect.keepsTail);
    process.applier.restore(image, effect.persistId);
    this.installedSnapshots += 1;
    this.enqueueWrite(process, { ...effect, image });
  }

  private compactLog(process: Process, base: LogPosition): void {
    process.log.compactTo(base);
    this.afterWrite(() => {
      ensure((this.disk.checkpoint?.meta.index ?? 0) >= base.index, `${this.id} compacts beyond its checkpoint`);
      this.disk.log.compactTo(base);
    });
  }

  private sendSnapshot(process: Process, { to, snapshot }: SendSnapshotEffect): void {
    const image = this.disk.checkpoint;
    ensure(image !== null && image.meta.index >= snapshot.index, `${this.id} sends a snapshot that it does not have`);
    if (image.meta.index === snapshot.index) {
      ensure(
        isSameMembership(image.meta, snapshot),
        `${this.id} takes another membership for that at ${snapshot.index}`,
      );
    }
    const transfer: SnapshotTransfer = {
      from: this.id,
      to,
      leaderTerm: process.raft.status().currentTerm,
      image,
      ended: (delivered) => {
        if (this.process !== process || process.transfers.get(to) !== transfer) return;
        process.transfers.delete(to);
        this.step({ type: 'snapshotTransferEnded', peer: to, delivered });
      },
    };
    process.transfers.set(to, transfer);
    this.options.sendSnapshot(transfer);
  }

  private enqueueWrite(process: Process, write: VirtualWrite): void {
    process.unwritten.push(write);
    if (!process.isWriting) this.startWrite(process);
  }

  private startWrite(process: Process): void {
    const batch = takeTransaction(process.unwritten);
    const last = batch.at(-1);
    if (last === undefined) return;
    process.isWriting = true;
    // A crash takes the whole batch with it: one transaction.
    this.afterWrite(() => {
      if (this.isDiskStalled) this.stalledWrite = () => this.written(process, batch, last.persistId);
      else this.written(process, batch, last.persistId);
    });
  }

  private written(process: Process, batch: readonly VirtualWrite[], persistId: PersistId): void {
    if (this.process !== process) return;
    for (const write of batch) {
      if (write.hardState !== null) this.options.oracle.savedHardState(this.id, this.disk.hardState, write.hardState);
      this.disk.write(write);
    }
    process.isWriting = false;
    process.durableId = persistId;
    const held = process.held;
    process.held = [];
    for (const send of held) this.run(process, send);
    this.step({ type: 'persisted', persistId });
    process.applier.written(persistId);
    process.installing.get(persistId)?.();
    if (!process.isWriting) this.startWrite(process);
  }

  /** Runs it once a write that begins now would be done, unless the process has ended by then. */
  private afterWrite(run: () => void): void {
    const { process } = this;
    const { events, drawWriteMs } = this.options;
    events.schedule(events.nowMs + drawWriteMs(), () => {
      if (this.process === process) run();
    });
  }

  private scheduleTick(process: Process): void {
    const dueMs = process.raft.nextDeadlineMs();
    if (dueMs >= process.tickDueMs) return;
    process.tickDueMs = dueMs;
    this.options.events.schedule(dueMs, () => {
      if (this.process !== process || process.tickDueMs !== dueMs) return;
      process.tickDueMs = Infinity;
      this.step({ type: 'tick' });
    });
  }
}

function takeRead(process: Process, id: ReadId): number {
  const committedAtStart = process.reads.get(id);
  ensure(committedAtStart !== undefined, `read ${id} was answered twice, or never asked`);
  process.reads.delete(id);
  return committedAtStart;
}

function isSameMembership(left: SnapshotMeta, right: SnapshotMeta): boolean {
  return JSON.stringify(left.membership) === JSON.stringify(right.membership);
}
