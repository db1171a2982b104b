import { entrySizeBytes } from './entry-size.js';
import { logIndex, term, type LogIndex, type Term } from './ids.js';
import { invariant, InvariantViolation } from './invariant.js';
import type { LogEntry } from './log-entry.js';
import type { Membership } from './membership.js';
import type { LogPosition, SnapshotMeta } from './snapshot-meta.js';

type Slice = { readonly from: LogIndex; readonly to: LogIndex; readonly entries: readonly LogEntry[] };

/** Slices kept for asking again: one or two batches on their way to the disk, to each peer, and to the state machine. */
const REMEMBERED_SLICES = 8;

/** Stands where a compacted entry was, until the array is cut: its data must not stay in memory so long. */
const RELEASED: LogEntry = { type: 'noop', index: logIndex(0), term: term(0) };

/**
 * The log in memory above its base (Raft §5.3, §7): consecutive entries with terms that never fall. Nothing here takes
 * time in the length of the log, except that look-ups by term and by size are binary searches.
 */
export class RaftLog {
  private entries: LogEntry[] = [];
  /** Sizes summed from the first entry ever to each entry, so that the size of any range is one subtraction. */
  private sizeThrough: number[] = [];
  private memberships: { readonly index: LogIndex; readonly membership: Membership }[] = [];
  private remembered: Slice[] = [];
  private nextRemembered = 0;
  /** Where the entry after the base stands in the arrays. Those before it are compacted, and cut off when they are many. */
  private start = 0;
  /** The sum before the first place of the arrays. */
  private sizeBeforeArrays = 0;

  /**
   * @param base the last entry that the log no longer holds; (0, 0) while nothing was compacted
   * @param baseMembership the one in force at the base
   */
  constructor(
    private base: LogPosition,
    private baseMembership: Membership,
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
    return logIndex(this.base.index + this.entries.length - this.start);
  }

  get lastTerm(): Term {
    return this.termAt(this.lastIndex) ?? this.base.term;
  }

  /** The latest in the log, committed or not: a node uses it as soon as it is appended (Raft §6). */
  get membership(): Membership {
    return this.memberships.at(-1)?.membership ?? this.baseMembership;
  }

  /** The one in force at `index`, which is not below the base. */
  membershipAt(index: LogIndex): Membership {
    invariant(index >= this.base.index, 'the membership of a compacted place');
    return this.memberships.findLast((entry) => entry.index <= index)?.membership ?? this.baseMembership;
  }

  /** Where `membership` stands: at its entry, or at or before the base. */
  get membershipIndex(): LogIndex {
    return this.memberships.at(-1)?.index ?? this.base.index;
  }

  /** Every membership that the log knows, oldest first; the first one is that of the base. */
  get membershipHistory(): readonly { readonly index: LogIndex; readonly membership: Membership }[] {
    return [{ index: this.base.index, membership: this.baseMembership }, ...this.memberships];
  }

  /** Null for an index that the log does not reach, or no longer holds. */
  termAt(index: LogIndex): Term | null {
    if (index <= this.base.index) return index === this.base.index ? this.base.term : null;
    return this.entries[this.placeOf(index)]?.term ?? null;
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
    let size = this.sizeThrough.at(-1) ?? this.sizeBeforeArrays;
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
    this.entries.length = Math.min(this.entries.length, this.placeOf(index));
    this.sizeThrough.length = this.entries.length;
    while ((this.memberships.at(-1)?.index ?? 0) >= index) this.memberships.pop();
    this.forgetSlices();
  }

  /**
   * Drops everything up to and including `base`, an entry of this log (Raft §7). Does nothing for one that is dropped.
   * Takes time in what is dropped, not in what remains.
   */
  compactTo(base: LogPosition): void {
    if (base.index <= this.base.index) return;
    invariant(this.termAt(base.index) === base.term, 'compaction up to an entry that the log does not hold');
    this.baseMembership = this.membershipAt(base.index);
    this.memberships = this.memberships.filter((entry) => entry.index > base.index);
    const start = this.placeOf(base.index) + 1;
    for (let place = this.start; place < start; place += 1) this.entries[place] = RELEASED;
    this.start = start;
    this.base = { index: base.index, term: base.term };
    if (this.start * 2 > this.entries.length) this.cutArrays();
    this.remembered = this.remembered.filter((slice) => slice.from > base.index);
    this.nextRemembered = this.remembered.length % REMEMBERED_SLICES;
  }

  /** Begins anew after a snapshot (Raft §7). The tail may stay only if the log holds the entry at `snapshot`. */
  resetTo(snapshot: SnapshotMeta, { keepsTail }: { readonly keepsTail: boolean }): void {
    if (keepsTail) {
      this.compactTo(snapshot);
    } else {
      this.base = { index: snapshot.index, term: snapshot.term };
      this.memberships = [];
      this.entries = [];
      this.sizeThrough = [];
      this.start = 0;
      this.forgetSlices();
    }
    this.baseMembership = snapshot.membership;
  }

  /**
   * Entries `from`..`to`, both included. Asked again for the same range it gives the same array, so that what goes to
   * the disk and to several peers is encoded once.
   */
  slice(from: LogIndex, to: LogIndex): readonly LogEntry[] {
    for (const slice of this.remembered) if (slice.from === from && slice.to === to) return slice.entries;
    const entries = from > this.base.index ? this.entries.slice(this.placeOf(from), this.placeOf(to) + 1) : [];
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
    return this.lastIndexWhere((place) => (this.sizeThrough[place] ?? Infinity) <= limit);
  }

  /** Where the longest run that ends with `to` and fits into `maxBytes` begins: the index before its first entry. */
  startWithin(to: LogIndex, maxBytes: number): LogIndex {
    const limit = this.sizeUpTo(to) - maxBytes;
    if (this.sizeUpTo(this.base.index) >= limit) return this.base.index;
    return logIndex(this.lastIndexWhere((place) => (this.sizeThrough[place] ?? Infinity) < limit) + 1);
  }

  /** The last index whose term is at most `limit`; the base index when there is none. */
  lastIndexWithTermAtMost(limit: Term): LogIndex {
    return this.lastIndexWhere((place) => (this.entries[place]?.term ?? Infinity) <= limit);
  }

  /** The first index that holds entries of `term`, given that one does. */
  firstIndexOfTerm(wanted: Term): LogIndex {
    if (wanted <= 0) return this.firstIndex;
    return logIndex(this.lastIndexWithTermAtMost(term(wanted - 1)) + 1);
  }

  private placeOf(index: LogIndex): number {
    return this.start + index - this.base.index - 1;
  }

  private sizeUpTo(index: LogIndex): number {
    return this.sizeThrough[this.placeOf(index)] ?? this.sizeBeforeArrays;
  }

  /** Index of the last entry for which `holds`, which must hold for a prefix of the log. */
  private lastIndexWhere(holds: (place: number) => boolean): LogIndex {
    // The end of the log is what is asked for nearly always.
    if (this.entries.length === this.start || holds(this.entries.length - 1)) return this.lastIndex;
    let low = this.start;
    let high = this.entries.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (holds(middle)) low = middle + 1;
      else high = middle;
    }
    return logIndex(this.base.index + low - this.start);
  }

  /** Only when more places are compacted than are not, so that no entry that is dropped ever costs more than one move. */
  private cutArrays(): void {
    this.sizeBeforeArrays = this.sizeThrough[this.start - 1] ?? this.sizeBeforeArrays;
    this.entries = this.entries.slice(this.start);
    this.sizeThrough = this.sizeThrough.slice(this.start);
    this.start = 0;
  }

  private remember(slice: Slice): void {
    this.remembered[this.nextRemembered] = slice;
    this.nextRemembered = (this.nextRemembered + 1) % REMEMBERED_SLICES;
  }

  private forgetSlices(): void {
    this.remembered = [];
    this.nextRemembered = 0;
  }
}
