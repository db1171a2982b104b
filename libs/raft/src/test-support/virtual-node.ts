import type { Effect } from '../effects.js';
import type { HardState } from '../hard-state.js';
import { readId, type NodeId, type PersistId, type ReadId } from '../ids.js';
import type { Input } from '../inputs.js';
import type { LogEntry } from '../log-entry.js';
import type { RaftMessage } from '../messages.js';
import type { RaftConfig } from '../raft-config.js';
import { RaftNode } from '../raft-node.js';
import type { RaftStatus } from '../raft-status.js';
import type { EventQueue } from './event-queue.js';
import { truncate } from './lone-node.js';
import { hardState } from './raft-builders.js';
import { ensure, type RaftOracle } from './raft-oracle.js';

type PersistEffect = Extract<Effect, { readonly type: 'persist' }>;
type SendEffect = Extract<Effect, { readonly type: 'send' }>;

export type VirtualNodeOptions = {
  readonly config: RaftConfig;
  readonly events: EventQueue;
  readonly oracle: RaftOracle;
  readonly send: (from: NodeId, to: NodeId, message: RaftMessage) => void;
  /** How long the next write takes. */
  readonly drawWriteMs: () => number;
};

/** What a crash destroys. */
type Process = {
  readonly raft: RaftNode;
  /** The log as the node has it, on disk or not. */
  readonly log: LogEntry[];
  readonly unwritten: PersistEffect[];
  held: SendEffect[];
  durableId: number;
  isWriting: boolean;
  tickDueMs: number;
  appliedCount: number;
  readonly reads: Map<ReadId, number>;
};

/** A RaftNode with a disk, driven in virtual time: one write at a time, the next takes all that has gathered. */
export class VirtualNode {
  readonly id: NodeId;
  readonly disk: { hardState: HardState; readonly log: LogEntry[] } = { hardState: hardState(0), log: [] };
  completedReads = 0;
  failedReads = 0;
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
    const durable = { hardState: this.disk.hardState, entries: this.disk.log.slice() };
    this.process = {
      raft: new RaftNode(raftConfig, durable, events.nowMs),
      log: this.disk.log.slice(),
      unwritten: [],
      held: [],
      durableId: 0,
      isWriting: false,
      tickDueMs: Infinity,
      appliedCount: 0,
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

  step(input: Input): void {
    const { process } = this;
    if (process === null) return;
    const effects = process.raft.step(input, this.options.events.nowMs);
    for (const effect of effects) this.run(process, effect);
    this.scheduleTick(process);
  }

  private run(process: Process, effect: Effect): void {
    const { oracle } = this.options;
    switch (effect.type) {
      case 'persist':
        return this.persist(process, effect);
      case 'send':
        if (effect.afterPersist !== null && effect.afterPersist > process.durableId) process.held.push(effect);
        else this.options.send(this.id, effect.to, effect.message);
        return;
      case 'apply':
        ensure(effect.entries[0]?.index === process.appliedCount + 1, `${this.id} applied out of order`);
        process.appliedCount += effect.entries.length;
        return oracle.applied(this.id, effect.entries, process.raft.status().currentTerm);
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
      default:
    }
  }

  private persist(process: Process, effect: PersistEffect): void {
    truncate(process.log, effect.truncateFrom);
    process.log.push(...effect.entries);
    this.options.oracle.appended(this.id, effect.entries, process.log);
    process.unwritten.push(effect);
    if (!process.isWriting) this.startWrite(process);
  }

  private startWrite(process: Process): void {
    const batch = process.unwritten.splice(0);
    const last = batch.at(-1);
    if (last === undefined) return;
    process.isWriting = true;
    const { events, drawWriteMs } = this.options;
    events.schedule(events.nowMs + drawWriteMs(), () => {
      // A crash takes the whole batch with it: one transaction.
      if (this.process === process) this.written(process, batch, last.persistId);
    });
  }

  private written(process: Process, batch: readonly PersistEffect[], persistId: PersistId): void {
    for (const write of batch) {
      truncate(this.disk.log, write.truncateFrom);
      this.disk.log.push(...write.entries);
      if (write.hardState === null) continue;
      this.options.oracle.savedHardState(this.id, this.disk.hardState, write.hardState);
      this.disk.hardState = write.hardState;
    }
    process.isWriting = false;
    process.durableId = persistId;
    const held = process.held;
    process.held = [];
    for (const send of held) this.run(process, send);
    this.step({ type: 'persisted', persistId });
    if (!process.isWriting) this.startWrite(process);
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
