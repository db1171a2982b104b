import {
  InvariantViolation,
  logIndex,
  term,
  type LogEntry,
  type LogIndex,
  type LogPosition,
  type Membership,
  type SnapshotMeta,
  type Term,
} from '@latchkey/raft';
import { AppliedTerms } from './applied-terms.js';
import { Fifo } from './fifo.js';
import type { StateMachine } from './ports/state-machine.js';
import { assertEnvelope, commandOf, incarnationOf, proposedAtMsOf, sequenceOf } from './proposal-envelope.js';

export type ApplierOptions<Outcome> = {
  readonly stateMachine: StateMachine<Outcome>;
  readonly incarnation: number;
  /** In force before the first membership entry. */
  readonly initialMembership: Membership;
  /** The outcome of a proposal that this process made. */
  readonly onOwnOutcome: (sequence: number, outcome: Outcome) => void;
  /** See `ReplicaOptions.stateHash`; absent: nobody asks for hashes. */
  readonly stateHash?: (() => string) | undefined;
};

/** Of the state right after the entry at `index`. */
export type NotedHash = { readonly index: LogIndex; readonly hash: string };

const NO_HASHES: readonly NotedHash[] = [];

/** What is applied in one go. The entry that reaches the bytes is the last one. */
export type SliceLimits = { readonly maxEntries: number; readonly maxBytes: number };

/** What was committed, in order: entries, or a snapshot in the place of entries. */
type Committed =
  | { readonly type: 'entries'; readonly entries: readonly LogEntry[] }
  | { readonly type: 'snapshot'; readonly meta: SnapshotMeta };

/** Feeds committed entries to the state machine, in slices, each entry once per process. */
export class Applier<Outcome> {
  private readonly queue = new Fifo<Committed>();
  /** Entries of the head run that are done. */
  private offset = 0;
  private readonly appliedTerms = new AppliedTerms();
  private lastAppliedIndex = logIndex(0);
  private lastAppliedTerm = term(0);
  private lastTakenIndex = logIndex(0);
  private lastQueuedIndex = logIndex(0);
  private lastCommittedIndex = logIndex(0);
  private lastMembership: Membership;
  private appliedBytes = 0;
  /** Where the snapshots in the queue stand. */
  private queuedSnapshots: LogIndex[] = [];
  /** Snapshots that were enqueued and are not reported durable yet. */
  private uninstalledCount = 0;
  /** Entries right after which the hash of the state is wanted, in order; all are still to come. */
  private hashIndexes: LogIndex[] = [];
  private nextHashIndex = Infinity;
  private notedHashes: NotedHash[] = [];

  constructor(private readonly options: ApplierOptions<Outcome>) {
    this.lastMembership = options.initialMembership;
  }

  /** In force before the first membership entry, where that is not what it was made with. */
  beginWith(initialMembership: Membership): void {
    if (this.lastAppliedIndex === 0) this.lastMembership = initialMembership;
  }

  get appliedIndex(): LogIndex {
    return this.lastAppliedIndex;
  }

  /** Term of the entry at `appliedIndex`. */
  get appliedTerm(): Term {
    return this.lastAppliedTerm;
  }

  /** What a snapshot of the present state of the machine is called. */
  get position(): SnapshotMeta {
    return { index: this.lastAppliedIndex, term: this.lastAppliedTerm, membership: this.lastMembership };
  }

  /** Data of all entries that were applied; grows for ever. */
  get appliedByteCount(): number {
    return this.appliedBytes;
  }

  /** The last entry known to be committed that this node holds, applied or not. */
  get committedIndex(): LogIndex {
    return this.lastCommittedIndex;
  }

  /** Last entry of the present core that was gone through, be it applied now or before. */
  get takenIndex(): LogIndex {
    return this.lastTakenIndex;
  }

  get hasBacklog(): boolean {
    return this.queue.peek()?.type === 'entries';
  }

  /** The snapshot by which the machine must be restored before anything else can be applied. */
  get awaitedSnapshot(): SnapshotMeta | null {
    const head = this.queue.peek();
    return head?.type === 'snapshot' ? head.meta : null;
  }

  /** Notes the hash of the state right after the entry at `index`, once it is applied; not when it was passed already. */
  noteHashAt(index: LogIndex): void {
    if (index < this.lastAppliedIndex || this.hashIndexes.includes(index)) return;
    if (index === this.lastAppliedIndex) return this.noteHash();
    this.hashIndexes.push(index);
    this.hashIndexes.sort((one, other) => one - other);
    this.nextHashIndex = this.hashIndexes[0] ?? Infinity;
  }

  /** What was noted since the last call. */
  takeNotedHashes(): readonly NotedHash[] {
    if (this.notedHashes.length === 0) return NO_HASHES;
    const noted = this.notedHashes;
    this.notedHashes = [];
    return noted;
  }

  /** Committed entries, in order. */
  enqueue(entries: readonly LogEntry[]): void {
    const last = entries.at(-1);
    if (last === undefined) return;
    this.queue.push({ type: 'entries', entries });
    this.noteQueued(last.index);
  }

  /** The entries up to `meta.index` do not come: the state there does, when the snapshot is durable. */
  enqueueSnapshot(meta: SnapshotMeta): void {
    this.queue.push({ type: 'snapshot', meta });
    this.queuedSnapshots.push(meta.index);
    this.uninstalledCount += 1;
    this.noteQueued(meta.index);
  }

  /** The oldest snapshot that was enqueued is durable: this node holds now what it stands for. */
  installed(): void {
    this.uninstalledCount -= 1;
    this.noteQueued(this.lastQueuedIndex);
  }

  /** Gives the number of entries gone through. */
  applySlice({ maxEntries, maxBytes }: SliceLimits): number {
    let count = 0;
    let byteCount = 0;
    while (count < maxEntries && byteCount < maxBytes) {
      const head = this.queue.peek();
      if (head?.type !== 'entries') break;
      const entry = head.entries[this.offset];
      if (entry !== undefined) {
        this.take(entry);
        if (entry.type === 'command') byteCount += entry.data.byteLength;
      }
      count += 1;
      this.offset += 1;
      if (this.offset < head.entries.length) continue;
      this.queue.shift();
      this.offset = 0;
    }
    return count;
  }

  /** The machine holds the state at `meta` now, instead of what was applied; what was queued up to there is done. */
  restored(meta: SnapshotMeta): void {
    if (meta.index < this.lastAppliedIndex) {
      throw new InvariantViolation(`the state went back from ${this.lastAppliedIndex} to ${meta.index}`);
    }
    this.lastAppliedIndex = meta.index;
    this.lastAppliedTerm = meta.term;
    this.lastTakenIndex = meta.index;
    this.lastMembership = meta.membership;
    this.appliedTerms.restartAt(meta.index, meta.term);
    this.dropThrough(meta.index);
    this.reachedHashIndex();
  }

  /**
   * The core is built anew and gives every committed entry after `start` again; those applied already are not applied
   * twice. @throws InvariantViolation when what is durable at `start` is not what was applied there
   */
  restart(start: LogPosition): void {
    if (start.index > this.lastAppliedIndex) {
      throw new InvariantViolation(`the log begins after ${start.index}, applied is only ${this.lastAppliedIndex}`);
    }
    this.appliedTerms.assertSame(start.index, start.term);
    this.queue.clear();
    this.offset = 0;
    this.queuedSnapshots = [];
    this.uninstalledCount = 0;
    this.lastTakenIndex = start.index;
    this.lastQueuedIndex = start.index;
    if (start.index > this.lastCommittedIndex) this.lastCommittedIndex = start.index;
  }

  private noteQueued(index: LogIndex): void {
    this.lastQueuedIndex = index;
    // What follows a snapshot is not certain to be here before the snapshot is.
    if (this.uninstalledCount === 0 && index > this.lastCommittedIndex) this.lastCommittedIndex = index;
  }

  /** Up to the last snapshot that is not beyond `index`. */
  private dropThrough(index: LogIndex): void {
    while ((this.queuedSnapshots[0] ?? Infinity) <= index) {
      if (this.queue.shift()?.type === 'snapshot') this.queuedSnapshots.shift();
      this.offset = 0;
    }
  }

  private take(entry: LogEntry): void {
    if (entry.index !== this.lastTakenIndex + 1) throw this.outOfOrder(entry.index);
    this.lastTakenIndex = entry.index;
    if (entry.index <= this.lastAppliedIndex) {
      this.appliedTerms.assertSame(entry.index, entry.term);
      return;
    }
    this.apply(entry);
    this.lastAppliedIndex = entry.index;
    this.lastAppliedTerm = entry.term;
    this.appliedTerms.record(entry.index, entry.term);
    if (entry.index >= this.nextHashIndex) this.reachedHashIndex();
  }

  /** Those that a snapshot has jumped over are never known. */
  private reachedHashIndex(): void {
    const isWanted = this.hashIndexes.includes(this.lastAppliedIndex);
    this.hashIndexes = this.hashIndexes.filter((index) => index > this.lastAppliedIndex);
    this.nextHashIndex = this.hashIndexes[0] ?? Infinity;
    if (isWanted) this.noteHash();
  }

  private noteHash(): void {
    const { stateHash } = this.options;
    if (stateHash !== undefined) this.notedHashes.push({ index: this.lastAppliedIndex, hash: stateHash() });
  }

  private apply(entry: LogEntry): void {
    if (entry.type !== 'command') {
      this.options.stateMachine.advance(entry.index, entry.term);
      if (entry.type === 'membership') this.lastMembership = entry.membership;
      return;
    }
    const envelope = entry.data;
    assertEnvelope(envelope);
    this.appliedBytes += envelope.byteLength;
    const outcome = this.options.stateMachine.apply({
      index: entry.index,
      term: entry.term,
      proposedAtMs: proposedAtMsOf(envelope),
      command: commandOf(envelope),
    });
    if (incarnationOf(envelope) === this.options.incarnation) {
      this.options.onOwnOutcome(sequenceOf(envelope), outcome);
    }
  }

  private outOfOrder(index: LogIndex): InvariantViolation {
    return new InvariantViolation(
      `entry ${index} was committed after ${this.lastTakenIndex} (applied up to ${this.lastAppliedIndex})`,
    );
  }
}
