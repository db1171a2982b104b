import { entrySizeBytes } from './entry-size.js';
import { logIndex, term, type LogIndex, type Term } from './ids.js';
import { invariant, InvariantViolation } from './invariant.js';
import type { LogEntry } from './log-entry.js';
import type { Membership } from './membership.js';

/** The last entry that the log no longer holds; (0, 0) while nothing was compacted. */
export type LogBase = { readonly index: LogIndex; readonly term: Term };

type Slice = { readonly from: LogIndex; readonly to: LogIndex; readonly entries: readonly LogEntry[] };

/** Slices kept for asking again: one or two batches on their way to the disk, to each peer, and to the state machine. */
const REMEMBERED_SLICES = 8;

/**
 * The log in memory above its base (Raft §5.3): consecutive entries with terms that never fall. Nothing here takes time
 * in the length of the log, except that look-ups by term are binary searches.
 */
export class RaftLog {
  private readonly entries: LogEntry[] = [];
  /** Sizes summed from the base to each entry, so that the size of any range is one subtraction. */
  private readonly sizeThrough: number[] = [];
  private readonly memberships: { readonly index: LogIndex; readonly membership: Membership }[] = [];
  private readonly remembered: Slice[] = [];
  private nextRemembered = 0;

  /** @param baseMembership the one in force at the base */
  constructor(
    private readonly base: LogBase,
    private readonly baseMembership: Membership,
    entries: readonly LogEntry[],
  ) {
    this.append(entries);
    this.forgetSlices();
  }

  get baseIndex(): LogIndex {
    return this.base.index;
  }

  get firstIndex(): LogIndex {
    return logIndex(this.base.index + 1);
  }

  get lastIndex(): LogIndex {
    return this.entries.at(-1)?.index ?? this.base.index;
  }

  get lastTerm(): Term {
    return this.entries.at(-1)?.term ?? this.base.term;
  }

  /** The latest in the log, committed or not: a node uses it as soon as it is appended (Raft §6). */
  get membership(): Membership {
    return this.memberships.at(-1)?.membership ?? this.baseMembership;
  }

  /** Null for an index that the log does not reach, or no longer holds. */
  termAt(index: LogIndex): Term | null {
    if (index === this.base.index) return this.base.term;
    return this.entries[index - this.base.index - 1]?.term ?? null;
  }

  /** The consistency check of AppendEntries (Raft §5.3). */
  hasEntry(entry: { readonly prevLogIndex: LogIndex; readonly prevLogTerm: Term }): boolean {
    return this.termAt(entry.prevLogIndex) === entry.prevLogTerm;
  }

  /** Whether a candidate whose log ends like this may have our vote (Raft §5.4.1). */
  isNoNewerThan(candidate: { readonly lastLogIndex: LogIndex; readonly lastLogTerm: Term }): boolean {
    if (candidate.lastLogTerm !== this.lastTerm) return candidate.lastLogTerm > this.lastTerm;
    return candidate.lastLogIndex >= this.lastIndex;
  }

  /**
   * `batch` is remembered as the slice of its range: who sends or persists just that range gets this very array.
   * @throws InvariantViolation unless the entries follow on the last one
   */
  append(batch: readonly LogEntry[]): void {
    const first = batch[0];
    if (first === undefined) return;
    let { lastIndex, lastTerm } = this;
    let size = this.sizeThrough.at(-1) ?? 0;
    for (const entry of batch) {
      if (entry.index !== lastIndex + 1 || entry.term < lastTerm) {
        throw new InvariantViolation(`entry ${entry.index}/${entry.term} appended after ${lastIndex}/${lastTerm}`);
      }
      lastIndex = entry.index;
      lastTerm = entry.term;
      size += entrySizeBytes(entry);
      this.entries.push(entry);
      this.sizeThrough.push(size);
      if (entry.type === 'membership') this.memberships.push({ index: entry.index, membership: entry.membership });
    }
    this.remember({ from: first.index, to: lastIndex, entries: batch });
  }

  /** Drops `index` and everything after it, and the memberships in it. */
  truncateFrom(index: LogIndex): void {
    invariant(index > this.base.index, 'truncation of compacted entries');
    this.entries.length = Math.min(this.entries.length, index - this.base.index - 1);
    this.sizeThrough.length = this.entries.length;
    while ((this.memberships.at(-1)?.index ?? 0) >= index) this.memberships.pop();
    this.forgetSlices();
  }

  /**
   * Entries `from`..`to`, both included. Asked again for the same range it gives the same array, so that what goes to
   * the disk and to several peers is encoded once.
   */
  slice(from: LogIndex, to: LogIndex): readonly LogEntry[] {
    for (const slice of this.remembered) if (slice.from === from && slice.to === to) return slice.entries;
    const entries = this.entries.slice(from - this.base.index - 1, to - this.base.index);
    if (entries.length !== to - from + 1) throw new InvariantViolation(`the log does not hold ${from}..${to}`);
    this.remember({ from, to, entries });
    return entries;
  }

  /** Size of the entries after `after`, up to and including `to`. */
  sizeBytes(after: LogIndex, to: LogIndex): number {
    return this.sizeUpTo(to) - this.sizeUpTo(after);
  }

  /** The last entry of the longest run from `from` on that fits into `maxBytes`; `from - 1` when not even one fits. */
  lastIndexWithin(from: LogIndex, maxBytes: number): LogIndex {
    const limit = this.sizeUpTo(logIndex(from - 1)) + maxBytes;
    return this.lastPositionWhere((position) => (this.sizeThrough[position] ?? Infinity) <= limit);
  }

  /** The last index whose term is at most `limit`; the base index when there is none. */
  lastIndexWithTermAtMost(limit: Term): LogIndex {
    return this.lastPositionWhere((position) => (this.entries[position]?.term ?? Infinity) <= limit);
  }

  /** The first index that holds entries of `term`, given that one does. */
  firstIndexOfTerm(wanted: Term): LogIndex {
    if (wanted <= 0) return this.firstIndex;
    return logIndex(this.lastIndexWithTermAtMost(term(wanted - 1)) + 1);
  }

  private sizeUpTo(index: LogIndex): number {
    return this.sizeThrough[index - this.base.index - 1] ?? 0;
  }

  /** Index of the last entry for which `holds`, which must hold for a prefix of the log. */
  private lastPositionWhere(holds: (position: number) => boolean): LogIndex {
    // The end of the log is what is asked for nearly always.
    if (this.entries.length === 0 || holds(this.entries.length - 1)) return this.lastIndex;
    let low = 0;
    let high = this.entries.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (holds(middle)) low = middle + 1;
      else high = middle;
    }
    return logIndex(this.base.index + low);
  }

  private remember(slice: Slice): void {
    this.remembered[this.nextRemembered] = slice;
    this.nextRemembered = (this.nextRemembered + 1) % REMEMBERED_SLICES;
  }

  private forgetSlices(): void {
    this.remembered.length = 0;
    this.nextRemembered = 0;
  }
}
