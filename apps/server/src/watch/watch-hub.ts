import { errorBody, type ErrorBody } from '@latchkey/contracts';
import type { Clock, Timer } from '@latchkey/replica';
import {
  contains,
  isCold,
  pastValueBytes,
  revision,
  type ApplyResult,
  type KeyRange,
  type PastRevisionEvents,
  type RevisionEvents,
  type StateReader,
} from '@latchkey/state-machine';
import { errorBodyOfRefusal, errorBodyOfReplica } from '../commands/wire-error.js';
import type { PastValues, ValueOf } from '../history/past-values.js';
import { LiveWatches, type WatchGroup } from './live-watches.js';
import { eventMessages, matchRevision, recordsIn, SharedMessage, type MatchedRevision } from './shared-message.js';
import type { Watch, WatchSink } from './watch.js';

export type WatchHubOptions = {
  readonly clock: Clock;
  readonly reader: Pick<StateReader, 'revision' | 'compactRevision' | 'eventsFrom'>;
  readonly past: Pick<PastValues, 'with'>;
};

export type NewWatch = {
  readonly id: number;
  readonly range: KeyRange;
  /** Inclusive; null = what comes from now on. May lie in the future. */
  readonly fromRevision: number | null;
  readonly withPrevious: boolean;
  readonly sink: WatchSink;
};

/** Revisions that one watch is given in one turn while it catches up. */
const MAX_REVISIONS_PER_SLICE = 256;
/** Of values that one watch is given in one turn, and at least one revision: they may have to be read first. */
const MAX_BYTES_PER_SLICE = 1024 * 1024;
/** Watches for which old values are read at the same time; others have their turn after them. */
export const MAX_READING_WATCHES = 8;
/** A client that has not read for this long, or this far behind, loses its watch and may resume (FAILURE-MODES 48). */
export const MAX_BEHIND_MS = 15_000;
export const MAX_BEHIND_REVISIONS = 50_000;
/** A quiet watch is told how far it is this often, so that it can resume after a compaction. */
export const PROGRESS_INTERVAL_MS = 10_000;
const HOUSEKEEPING_INTERVAL_MS = 1_000;

/**
 * Brings what was applied to whoever watches: in order, each revision whole and once, without a gap. Nothing is kept for
 * a slow client: it falls behind with its cursor and later reads on from the history, or is told to resume.
 * Source: FAILURE-MODES 46–48.
 */
export class WatchHub {
  private readonly live = new LiveWatches();
  private readonly behind = new Set<Watch>();
  /** Those behind for which old values are being read. */
  private readonly reading = new Set<Watch>();
  /** Those behind that wait until it is their turn to have old values read. */
  private readonly unread = new Set<Watch>();
  private undistributed: RevisionEvents[] = [];
  /** Every live watch has been given everything up to here. */
  private distributedRevision = 0;
  private isPumpScheduled = false;
  private housekeeping: Timer | null = null;
  private count = 0;

  constructor(private readonly options: WatchHubOptions) {}

  get size(): number {
    return this.count;
  }

  /** To be called with every applied entry. */
  applied({ revisions }: ApplyResult): void {
    const last = revisions.at(-1);
    if (last === undefined) return;
    if (this.live.isEmpty) {
      // Whoever is behind reads the history.
      this.distributedRevision = last.revision;
      if (this.behind.size > 0) this.schedulePump();
      return;
    }
    if (this.undistributed.length === 0) this.options.clock.defer(() => this.distribute());
    this.undistributed.push(...revisions);
  }

  /**
   * The state has jumped to a later one without the entries in between. Every watch that had caught up has fallen behind
   * by that: it reads on from the history, or is told that the history is compacted.
   */
  replaced(): void {
    // What came before the jump: its turn would come only after it.
    this.distribute();
    const { reader } = this.options;
    for (const watch of [...this.live.all()]) {
      watch.cursor = Math.max(watch.cursor, this.distributedRevision);
      if (watch.cursor >= reader.revision) continue;
      this.live.remove(watch);
      this.fallBehind(watch);
    }
    this.distributedRevision = reader.revision;
    if (this.behind.size > 0) this.schedulePump();
  }

  /** The first message, `created`, is delivered before this returns. */
  add({ id, range, fromRevision, withPrevious, sink }: NewWatch): Watch {
    const { clock, reader } = this.options;
    const cursor = fromRevision === null ? reader.revision : fromRevision - 1;
    const lastMessageAtMs = clock.nowMs();
    const watch: Watch = { id, range, withPrevious, sink, cursor, behindSinceMs: null, lastMessageAtMs, isOver: false };
    this.count += 1;
    if (this.live.isEmpty && this.undistributed.length === 0) this.distributedRevision = reader.revision;
    sink.deliver(watch, new SharedMessage({ type: 'created', revision: reader.revision }));
    if (cursor >= this.distributedRevision) this.live.add(watch);
    else this.fallBehind(watch);
    this.keepHouse();
    return watch;
  }

  /** Also for one that has ended by itself. */
  remove(watch: Watch): void {
    if (watch.isOver) return;
    watch.isOver = true;
    this.count -= 1;
    this.live.remove(watch);
    this.behind.delete(watch);
    this.reading.delete(watch);
    this.unread.delete(watch);
  }

  /** A sink that could not take more can again. */
  writable(): void {
    if (this.behind.size > 0) this.schedulePump();
  }

  private distribute(): void {
    const batch = this.undistributed;
    this.undistributed = [];
    const first = batch[0];
    const last = batch.at(-1);
    if (first === undefined || last === undefined) return;
    const before = first.revision - 1;
    for (const group of this.live.match(batch)) this.deliverTo(group, before);
    // Not back: while nobody was live the revision went on without a batch.
    this.distributedRevision = Math.max(this.distributedRevision, last.revision);
    if (this.behind.size > 0) this.schedulePump();
  }

  private deliverTo(group: WatchGroup, revisionBefore: number): void {
    const { matched } = group;
    group.matched = [];
    const firstRevision = matched[0]?.revision ?? 0;
    let shared: readonly SharedMessage[] | null = null;
    for (const watch of [...group.watches]) {
      if (!watch.sink.isWritable) {
        watch.cursor = Math.max(watch.cursor, revisionBefore);
        this.live.remove(watch);
        this.fallBehind(watch);
      } else if (watch.cursor < firstRevision) {
        shared ??= eventMessages(matched, group.withPrevious);
        this.deliverAll(watch, shared);
      } else this.deliverAll(watch, eventMessages(unseen(matched, watch), group.withPrevious));
    }
  }

  private deliverAll(watch: Watch, messages: readonly SharedMessage[]): void {
    for (const message of messages) {
      watch.sink.deliver(watch, message);
      if (message.content.type === 'events') watch.cursor = message.content.revision;
    }
    watch.lastMessageAtMs = this.options.clock.nowMs();
  }

  private fallBehind(watch: Watch): void {
    watch.behindSinceMs = this.options.clock.nowMs();
    this.behind.add(watch);
    this.schedulePump();
  }

  private schedulePump(): void {
    if (this.isPumpScheduled) return;
    this.isPumpScheduled = true;
    this.options.clock.defer(() => this.pump());
  }

  /** One slice of history for each watch that is behind and whose client reads. */
  private pump(): void {
    this.isPumpScheduled = false;
    let isMoreToDo = false;
    for (const watch of [...this.behind]) {
      if (this.reading.has(watch) || this.unread.has(watch)) continue;
      if (watch.sink.isWritable) isMoreToDo = this.catchUp(watch) || isMoreToDo;
      else this.endIfTooSlow(watch);
    }
    for (const watch of this.unread) {
      if (this.reading.size === MAX_READING_WATCHES) break;
      this.unread.delete(watch);
      if (watch.sink.isWritable) isMoreToDo = this.catchUp(watch) || isMoreToDo;
    }
    if (isMoreToDo) this.schedulePump();
  }

  /** True when there is more for this watch. */
  private catchUp(watch: Watch): boolean {
    const { reader, past } = this.options;
    const found = reader.eventsFrom(revision(watch.cursor + 1), MAX_REVISIONS_PER_SLICE);
    if ('code' in found) {
      this.end(watch, errorBodyOfRefusal(found));
      return false;
    }
    const slice = sliceFor(watch, found);
    const records = slice.matched.flatMap((part) => [...recordsIn(part, watch.withPrevious)]);
    if (this.reading.size === MAX_READING_WATCHES && records.some(isCold)) {
      this.unread.add(watch);
      return false;
    }
    const given = past.with(records, (valueOf) => this.give(watch, slice, valueOf));
    if (!(given instanceof Promise)) return given;
    this.reading.add(watch);
    void this.whenRead(watch, given);
    return false;
  }

  private async whenRead(watch: Watch, given: Promise<boolean>): Promise<void> {
    try {
      await given;
    } catch (error) {
      const body = errorBodyOfReplica(error);
      // A bug; it must stop the node.
      if (body === null) throw error;
      if (!watch.isOver) this.end(watch, body);
    }
    this.reading.delete(watch);
    if (this.behind.size > 0) this.schedulePump();
  }

  /** True when there is more for this watch. */
  private give(watch: Watch, { matched, lastRevision }: Slice, valueOf: ValueOf): boolean {
    const { clock, reader } = this.options;
    if (watch.isOver) return false;
    const isProgress = lastRevision > watch.cursor;
    this.deliverAll(watch, eventMessages(matched, watch.withPrevious, valueOf));
    watch.cursor = Math.max(watch.cursor, lastRevision);
    watch.behindSinceMs = clock.nowMs();
    if (watch.cursor < this.distributedRevision && isProgress) return true;
    this.behind.delete(watch);
    watch.behindSinceMs = null;
    if (this.live.isEmpty && this.undistributed.length === 0) this.distributedRevision = reader.revision;
    this.live.add(watch);
    return false;
  }

  private endIfTooSlow(watch: Watch): void {
    const sinceMs = watch.behindSinceMs ?? this.options.clock.nowMs();
    const isTooLong = this.options.clock.nowMs() - sinceMs > MAX_BEHIND_MS;
    const isTooFar = this.options.reader.revision - watch.cursor > MAX_BEHIND_REVISIONS;
    if (!isTooLong && !isTooFar) return;
    const resumeFromRevision = watch.cursor + 1;
    this.end(watch, errorBody('OVERLOADED', 'the watch was read too slowly; resume it', { resumeFromRevision }));
  }

  private end(watch: Watch, error: ErrorBody): void {
    this.remove(watch);
    watch.sink.deliver(watch, new SharedMessage({ type: 'ended', error }));
  }

  private keepHouse(): void {
    if (this.housekeeping !== null) return;
    this.housekeeping = this.options.clock.setTimer(HOUSEKEEPING_INTERVAL_MS, () => {
      this.housekeeping = null;
      for (const watch of [...this.behind]) if (!watch.sink.isWritable) this.endIfTooSlow(watch);
      this.tellProgress();
      if (this.count > 0) this.keepHouse();
    });
  }

  private tellProgress(): void {
    const nowMs = this.options.clock.nowMs();
    if (this.undistributed.length > 0) return;
    const progress = new SharedMessage({ type: 'progress', revision: this.distributedRevision });
    for (const watch of this.live.all()) {
      // One that waits for a revision to come has nothing behind it.
      if (nowMs - watch.lastMessageAtMs < PROGRESS_INTERVAL_MS || watch.cursor > this.distributedRevision) continue;
      if (!watch.sink.isWritable) continue;
      watch.lastMessageAtMs = nowMs;
      watch.sink.deliver(watch, progress);
    }
  }
}

/** What a watch wants of some revisions in a row. */
type Slice = { readonly matched: readonly MatchedRevision[]; readonly lastRevision: number };

/** As many of the revisions as are to be given in one turn. */
function sliceFor({ range, withPrevious, cursor }: Watch, found: readonly PastRevisionEvents[]): Slice {
  const matched: MatchedRevision[] = [];
  let lastRevision = cursor;
  let byteCount = 0;
  for (const source of found) {
    const part = matchRevision(source, (key) => contains(range, key));
    if (part !== null) {
      for (const record of recordsIn(part, withPrevious)) byteCount += pastValueBytes(record);
      if (byteCount > MAX_BYTES_PER_SLICE && matched.length > 0) break;
      matched.push(part);
    }
    lastRevision = source.revision;
  }
  return { matched, lastRevision };
}

const unseen = (matched: readonly MatchedRevision[], watch: Watch): readonly MatchedRevision[] =>
  matched.filter((part) => part.revision > watch.cursor);
