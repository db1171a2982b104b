import { checkRows } from './corrupt-state-rows.js';
import { revision as toRevision, type Key } from './ids.js';
import { isRecord, KeyHistory, type KeyVersion } from './key-history.js';
import type { KeyRecord } from './key-record.js';
import { FIRST_WRITTEN_REVISION, KeySpace } from './key-space.js';
import { RevisionLog } from './revision-log.js';
import type { StateMeta } from './section-rows.js';
import { SortedRuns } from './sorted-runs.js';
import type { PlacedVersion } from './version-rows.js';
import { VersionStore } from './version-store.js';

const EMPTY_STORE_REVISION = FIRST_WRITTEN_REVISION - 1;

/**
 * Builds a key space from its versions in the order of their revisions. Each version must follow from the one before it,
 * and each revision that can still be asked for must be whole, as far as can be told.
 */
export class KeySpaceRestore {
  readonly #meta: StateMeta;
  readonly #entries = new Map<Key, KeyRecord | KeyHistory>();
  readonly #keys = new SortedRuns<Key>();
  /** Keys whose newest version is a deletion. */
  readonly #departed = new Set<Key>();
  /** Keys that were attached to a lease by some version. */
  readonly #attached = new Set<Key>();
  /** Keys of which a version is here that compaction has made unreadable. */
  readonly #unswept: Key[] = [];
  /** Of the revisions above the compacted one: of others no events can be asked. */
  readonly #log: RevisionLog;
  #openRevision = 0;
  #open: PlacedVersion[] = [];

  /** @throws CorruptStateRows when the revisions do not fit together */
  constructor(meta: StateMeta) {
    const { revision, compactRevision } = meta;
    const fit = revision >= EMPTY_STORE_REVISION && compactRevision <= revision;
    checkRows(fit, `revision ${revision}, compacted ${compactRevision}`);
    this.#meta = meta;
    this.#log = new RevisionLog(toRevision(Math.max(compactRevision, EMPTY_STORE_REVISION) + 1));
  }

  /** @throws CorruptStateRows when no state can have this version after those before it */
  add({ version, position }: PlacedVersion): void {
    const { modRevision } = version;
    const { revision, compactRevision } = this.#meta;
    const exists = modRevision >= FIRST_WRITTEN_REVISION && modRevision <= revision;
    checkRows(exists, `a version of revision ${modRevision} of ${revision}`);
    if (modRevision !== this.#openRevision) this.#close(modRevision);
    const entry = this.#entries.get(version.key);
    const newest = entry instanceof KeyHistory ? entry.newest : (entry ?? null);
    this.#check(version, newest);
    // All versions share the first one's key string.
    const shared = newest === null ? version : { ...version, key: newest.key };
    this.#append(shared, entry);
    if (modRevision > compactRevision) this.#open.push({ version: shared, position });
    else if (newest !== null) this.#unswept.push(newest.key);
  }

  /** @throws CorruptStateRows when a revision is missing at the end */
  finish(): KeySpace {
    const { revision, compactRevision } = this.#meta;
    this.#close(revision + 1);
    const keys = this.#keys.finish();
    const departed = this.#departed;
    const live = departed.size === 0 ? keys : keys.filter((key) => !departed.has(key));
    const versions = new VersionStore({ entries: this.#entries, live, departed: [...departed].sort() });
    return new KeySpace({ versions, log: this.#log, unswept: this.#unswept, revision, compactRevision });
  }

  /** Current records with a lease, in the order in which they were created. */
  attachedRecords(): readonly KeyRecord[] {
    const records: KeyRecord[] = [];
    for (const key of this.#attached) {
      const entry = this.#entries.get(key);
      const newest = entry instanceof KeyHistory ? entry.newest : entry;
      if (newest !== undefined && isRecord(newest) && newest.leaseId !== null) records.push(newest);
    }
    return records.sort((left, right) => left.createRevision - right.createRevision);
  }

  #check(version: KeyVersion, newest: KeyVersion | null): void {
    const { modRevision } = version;
    const previous = newest !== null && isRecord(newest) ? newest : null;
    if (!isRecord(version)) return checkRows(previous !== null, `at ${modRevision} a key went that was not there`);
    const isCreation = version.version === 1 && version.createRevision === modRevision;
    if (previous !== null) {
      const follows = version.createRevision === previous.createRevision && version.version === previous.version + 1;
      checkRows(follows, `at ${modRevision} a version does not follow from the one before it`);
    } else if (newest !== null || modRevision > this.#meta.compactRevision) {
      // Whatever was there before could still be read, and so would have a row.
      checkRows(isCreation, `at ${modRevision} the version before it is missing`);
    } else {
      const isLater = version.version > 1 && version.createRevision < modRevision;
      checkRows(isCreation || isLater, `at ${modRevision} version ${version.version} of ${version.createRevision}`);
    }
  }

  #append(version: KeyVersion, entry: KeyRecord | KeyHistory | undefined): void {
    const { key } = version;
    if (isRecord(version)) {
      if (version.leaseId !== null) this.#attached.add(key);
      if (entry === undefined) {
        this.#entries.set(key, version);
        return this.#keys.add(key);
      }
      this.#departed.delete(key);
    } else this.#departed.add(key);
    if (entry instanceof KeyHistory) entry.append(version);
    else if (entry !== undefined) this.#entries.set(key, new KeyHistory([entry, version]));
  }

  /** Ends the revision that is open; the next one that is here is `next`. */
  #close(next: number): void {
    if (this.#open.length > 0) this.#log.append(this.#inOrder());
    this.#open = [];
    const { nextRevision } = this.#log;
    const isNext = next === nextRevision || next <= this.#meta.compactRevision;
    checkRows(isNext, `revision ${nextRevision} is missing`);
    this.#openRevision = next;
  }

  #inOrder(): readonly KeyVersion[] {
    const placed = this.#open;
    if (placed.length > 1) placed.sort((left, right) => left.position - right.position);
    const isWhole = placed.every(({ position }, index) => position === index);
    checkRows(isWhole, `revision ${this.#openRevision} is not whole`);
    return placed.map(({ version }) => version);
  }
}
