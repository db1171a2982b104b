import type { ColdRecord } from './cold-record.js';
import type { KeyEvent, PastKeyEvent, PastRevisionEvents, RevisionEvents } from './events.js';
import { HistoryCooling, MAX_HOT_HISTORY_BYTES } from './history-cooling.js';
import { revision as toRevision, type Key, type LeaseId, type Revision } from './ids.js';
import { isRecord, isTombstone, type KeyHistory, type KeyVersion } from './key-history.js';
import { KeyIndex } from './key-index.js';
import { KeyMap } from './key-map.js';
import type { KeyRange } from './key-range.js';
import type { PastRecord } from './key-record.js';
import type { Refusal } from './outcomes.js';
import { refusal } from './refusal.js';
import { RevisionLog } from './revision-log.js';
import type { PastRangeResult, RangeQuery, RangeResult } from './state-machine-api.js';
import { StoredRecord } from './stored-record.js';
import type { StoredValue } from './stored-value.js';
import { VersionChanges, type TakenVersions } from './version-changes.js';
import { VersionStore } from './version-store.js';

const EMPTY_STORE_REVISION = 1;
/** Of the first write ever. */
export const FIRST_WRITTEN_REVISION = EMPTY_STORE_REVISION + 1;
/**
 * Compacted versions looked at with every entry, and besides for every one that was added: now, or when there is room. Some
 * 3 µs each among a million keys: where old revisions wrote a hundred keys each, more would cost more than the writes themselves.
 */
const SWEPT_VERSIONS_PER_ENTRY = 64;
const SWEPT_VERSIONS_PER_WRITE = 2;
/** Whose values may leave memory with every entry, however few there are: takes less than a millisecond. */
const COOLED_VERSIONS_PER_ENTRY = 1_024;
/** What one entry frees takes less than 10 ms. */
const MAX_SWEPT_VERSIONS_PER_ENTRY = 4_096;

/**
 * Of a revision that has written nothing yet; never pushed to. Most revisions write one version, and an empty array that is
 * pushed to gets room for seventeen.
 */
const NO_VERSIONS: KeyVersion[] = [];
const NO_EVENTS: KeyEvent[] = [];

/** What a key space begins with; all of it counts as given out. */
export type KeySpaceContent = {
  readonly versions: VersionStore;
  /** From the revision after the compacted one on, or from an older one. */
  readonly log: RevisionLog;
  readonly cooling: HistoryCooling;
  /** Keys to sweep whose revisions are not in the log. */
  readonly unswept: Key[];
  readonly revision: Revision;
  readonly compactRevision: Revision;
};

function emptyContent(maxHotHistoryBytes: number): KeySpaceContent {
  const entries: KeyMap<Key, StoredRecord | KeyHistory> = new KeyMap();
  const log = new RevisionLog(toRevision(FIRST_WRITTEN_REVISION));
  return {
    versions: new VersionStore({ entries, live: new KeyIndex(), departed: new KeyIndex() }),
    log,
    cooling: new HistoryCooling({ entries, log }, toRevision(0), maxHotHistoryBytes),
    unswept: [],
    revision: toRevision(EMPTY_STORE_REVISION),
    compactRevision: toRevision(0),
  };
}

/**
 * The multi-version key space, as in etcd v3. Writes take effect at once, under the next revision; `commit` ends that
 * revision and tells what it did. Compaction is logical at once, and frees memory little by little (`sweep`).
 */
export class KeySpace {
  readonly #versions: VersionStore;
  readonly #log: RevisionLog;
  readonly #unswept: Key[];
  readonly #changes: VersionChanges;
  readonly #cooling: HistoryCooling;
  #revision: Revision;
  #nextRevision: Revision;
  #compactRevision: Revision;
  #written = NO_VERSIONS;
  #events = NO_EVENTS;
  #sweepDebt = 0;

  /** @param content becomes the key space's own */
  constructor({ versions, log, cooling, unswept, revision, compactRevision }: KeySpaceContent) {
    this.#versions = versions;
    this.#log = log;
    this.#cooling = cooling;
    this.#unswept = unswept;
    this.#revision = revision;
    this.#nextRevision = toRevision(revision + 1);
    this.#compactRevision = compactRevision;
    this.#changes = new VersionChanges(revision);
  }

  static empty(maxHotHistoryBytes = MAX_HOT_HISTORY_BYTES): KeySpace {
    return new KeySpace(emptyContent(maxHotHistoryBytes));
  }

  /** What of the history is in memory with its values. */
  get hotHistory(): Pick<HistoryCooling, 'maxHotBytes' | 'hotBytes'> {
    return this.#cooling;
  }

  /** The last committed revision. */
  get revision(): Revision {
    return this.#revision;
  }

  /** The revision as an operation inside a transaction sees it: one more once something was written. */
  get revisionInside(): Revision {
    return this.#events.length > 0 ? this.#nextRevision : this.#revision;
  }

  get compactRevision(): Revision {
    return this.#compactRevision;
  }

  get(key: Key): StoredRecord | null {
    return this.#versions.current(key);
  }

  /** Returns the version that was there before. */
  put(
    key: Key,
    { content, leaseId }: { readonly content: StoredValue; readonly leaseId: LeaseId | null },
    atMs: number,
  ): StoredRecord | null {
    const previous = this.#versions.current(key);
    const record = new StoredRecord({
      // All versions share the first one's key string.
      key: previous === null ? key : previous.key,
      content,
      createRevision: previous === null ? this.#nextRevision : previous.createRevision,
      modRevision: this.#nextRevision,
      version: previous === null ? 1 : previous.version + 1,
      leaseId,
      updatedAtMs: atMs,
    });
    this.#versions.append(record, previous);
    if (previous !== null) this.#cooling.superseded(previous);
    this.#note(record, { type: 'put', record, previous });
    return previous;
  }

  /** Returns the version that was there; null, and nothing is written, when there was none. */
  delete(key: Key, atMs: number): StoredRecord | null {
    const previous = this.#versions.current(key);
    if (previous === null) return null;
    const modRevision = this.#nextRevision;
    const tombstone = { key: previous.key, content: null, modRevision, updatedAtMs: atMs };
    this.#versions.append(tombstone, previous);
    this.#cooling.superseded(previous);
    this.#note(tombstone, { type: 'delete', key: previous.key, modRevision, previous });
    return previous;
  }

  /** Ends the revision; null, and the revision stays, when nothing was written. */
  commit(proposedAtMs: number): RevisionEvents | null {
    if (this.#events.length === 0) return null;
    const events = this.#events;
    this.#sweepDebt += SWEPT_VERSIONS_PER_WRITE * events.length;
    this.#log.append(this.#written);
    this.#revision = this.#nextRevision;
    this.#nextRevision = toRevision(this.#revision + 1);
    this.#written = NO_VERSIONS;
    this.#events = NO_EVENTS;
    return { revision: this.#revision, proposedAtMs, events };
  }

  liveKeys(range: KeyRange, limit: number): Key[] {
    return this.#versions.liveKeys(range, limit);
  }

  /** Current records, also those written by the transaction that is under way. */
  rangeNow(query: Omit<RangeQuery, 'revision'>): RangeResult {
    const records: StoredRecord[] = [];
    for (const key of this.#versions.liveKeys(query.range, query.limit)) {
      const record = this.#versions.current(key);
      if (record !== null) records.push(query.keysOnly ? record.withoutValue() : record);
    }
    const whole = query.limit === 0 || records.length < query.limit;
    const count = whole ? records.length : this.#versions.liveCount(query.range);
    return { records, count, more: count > records.length };
  }

  range(query: RangeQuery): PastRangeResult | Refusal {
    if (query.revision === null || query.revision === this.#revision) return this.rangeNow(query);
    const refused = this.#refuseRead(query.revision);
    if (refused !== null) return refused;
    const records: PastRecord[] = [];
    let count = 0;
    for (const key of this.#versions.keysEver(query.range)) {
      const record = this.#versions.recordAt(key, query.revision);
      if (record === null) continue;
      count += 1;
      if (query.limit === 0 || count <= query.limit) records.push(query.keysOnly ? record.withoutValue() : record);
    }
    return { records, count, more: count > records.length };
  }

  /** As `getAt`, for a revision that need not be readable: null also when it is not known any more. */
  recordAt(key: Key, revision: Revision): StoredRecord | ColdRecord | null {
    return this.#versions.recordAt(key, revision);
  }

  getAt(key: Key, revision: Revision): PastRecord | null | Refusal {
    return this.#refuseRead(revision) ?? this.#versions.recordAt(key, revision);
  }

  history(key: Key): readonly KeyVersion[] {
    return this.#versions.history(key, this.#compactRevision);
  }

  /** See `StateReader.eventsFrom`. */
  eventsFrom(fromRevision: Revision, maxRevisions: number): readonly PastRevisionEvents[] | Refusal {
    if (this.#compactRevision > 0 && fromRevision <= this.#compactRevision) {
      return refusal('COMPACTED', this.#compactRevision);
    }
    const revisions: PastRevisionEvents[] = [];
    let next = Math.max(fromRevision, EMPTY_STORE_REVISION + 1);
    for (; next <= this.#revision && revisions.length < maxRevisions; next += 1) revisions.push(this.#eventsOf(next));
    return revisions;
  }

  /** Source: etcd Compact: not at or below the compacted revision, not above the current one. */
  compact(revision: Revision): Refusal | null {
    if (revision <= this.#compactRevision) return refusal('COMPACTED', this.#compactRevision);
    if (revision > this.#revision) return refusal('FUTURE_REVISION', this.#revision);
    this.#compactRevision = revision;
    return null;
  }

  /**
   * Frees some of what compaction made unreadable; called once per entry. Faster than entries can add to it, and never
   * so much that the node would stop for it.
   */
  sweep(): void {
    const wanted = SWEPT_VERSIONS_PER_ENTRY + this.#sweepDebt;
    let budget = Math.min(wanted, MAX_SWEPT_VERSIONS_PER_ENTRY);
    this.#cooling.cool(this.#compactRevision, Math.max(COOLED_VERSIONS_PER_ENTRY, budget));
    this.#sweepDebt = wanted - budget;
    while (budget > 0 && this.#unswept.length > 0) {
      const key = this.#unswept.pop();
      budget -= key === undefined ? 1 : Math.max(1, this.#sweepKey(key));
    }
    while (budget > 0 && this.#log.oldestRevision <= this.#compactRevision) {
      const versions = this.#log.dropOldest(Math.min(budget, SWEPT_VERSIONS_PER_ENTRY));
      let freed = 0;
      for (const version of versions) {
        const isOnly = this.#versions.isOnly(version);
        if (!isOnly) {
          freed += this.#sweepKey(version.key);
          if (!this.#versions.holds(version)) continue;
        }
        // One with a successor goes as soon as compaction has passed that: not worth the packing.
        if (isRecord(version) && (isOnly || this.#versions.current(version.key) === version)) version.settle();
        this.#changes.survived(version);
      }
      budget -= Math.max(versions.length, freed);
    }
    // Nothing is left that the debt would be for.
    if (budget > 0) this.#sweepDebt = 0;
  }

  /** What has changed since the last call, or the beginning, at the cost of that. */
  takeChanges(): TakenVersions {
    return this.#changes.take({
      versions: this.#versions,
      log: this.#log,
      compactRevision: this.#compactRevision,
    });
  }

  /** What was taken last is in a checkpoint now: values that are old need not be in memory any more. */
  changesSaved(): void {
    this.#cooling.saved(this.#changes.givenThrough);
  }

  /** How many versions of the key were freed. */
  #sweepKey(key: Key): number {
    const dropped = this.#versions.dropBefore(key, this.#compactRevision);
    this.#cooling.dropped(dropped);
    this.#changes.dropped(dropped);
    return dropped.length;
  }

  #note(version: KeyVersion, event: KeyEvent): void {
    if (this.#events === NO_EVENTS) {
      this.#written = [version];
      this.#events = [event];
      return;
    }
    this.#written.push(version);
    this.#events.push(event);
  }

  #refuseRead(revision: Revision): Refusal | null {
    if (revision < this.#compactRevision) return refusal('COMPACTED', this.#compactRevision);
    if (revision > this.#revision) return refusal('FUTURE_REVISION', this.#revision);
    return null;
  }

  #eventsOf(revision: number): PastRevisionEvents {
    const events: PastKeyEvent[] = [];
    let proposedAtMs = 0;
    for (const version of this.#log.versionsOf(revision)) {
      const { key, modRevision } = version;
      const previous = this.#versions.recordAt(key, revision - 1);
      proposedAtMs = version.updatedAtMs;
      if (!isTombstone(version)) events.push({ type: 'put', record: version, previous });
      else if (previous !== null) events.push({ type: 'delete', key, modRevision, previous });
    }
    return { revision: toRevision(revision), proposedAtMs, events };
  }
}
