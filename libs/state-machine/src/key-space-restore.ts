import { checkRows } from './corrupt-state-rows.js';
import { HistoryCooling } from './history-cooling.js';
import { revision as toRevision, type Key } from './ids.js';
import { isRecord, isTombstone, KeyHistory, type KeyVersion } from './key-history.js';
import { KeyIndex } from './key-index.js';
import { KeyMap } from './key-map.js';
import { FIRST_WRITTEN_REVISION, KeySpace } from './key-space.js';
import { RevisionLog } from './revision-log.js';
import type { StateMeta } from './section-rows.js';
import { SortedRuns } from './sorted-runs.js';
import { isSameRecord, StoredRecord } from './stored-record.js';
import type { PlacedVersion, VersionWithValue } from './version-rows.js';
import { VersionStore } from './version-store.js';

const EMPTY_STORE_REVISION = FIRST_WRITTEN_REVISION - 1;
/** Take a millisecond or two. */
const KEYS_PER_STEP = 2_048;
const COOLED_VERSIONS_PER_REVISION = 2;

/**
 * Builds a key space from its versions in the order of their revisions. Each version must follow from the one before it,
 * and each revision that can still be asked for must be whole, as far as can be told.
 */
export class KeySpaceRestore {
  readonly #meta: StateMeta;
  readonly #present: KeySpace;
  readonly #entries = new KeyMap<Key, StoredRecord | KeyHistory>();
  readonly #keys = new SortedRuns<Key>();
  /** Keys whose newest version is a deletion. */
  readonly #departed = new KeyMap<Key, true>();
  /** Keys that some version has attached to a lease; a key that was attached again is there again. */
  readonly #attached: Key[] = [];
  /** Keys of which a version is here that compaction has made unreadable. */
  readonly #unswept: Key[] = [];
  /** Of the revisions above the compacted one: of others no events can be asked. */
  readonly #log: RevisionLog;
  readonly #cooling: HistoryCooling;
  #openRevision = 0;
  #open: PlacedVersion[] = [];

  /**
   * @param present in use meanwhile, and let go of when the new one takes its place. Records that are in both are in
   * memory once, so that two states side by side cost little more than one.
   * @throws CorruptStateRows when the revisions do not fit together
   */
  constructor(meta: StateMeta, present: KeySpace) {
    const { revision, compactRevision } = meta;
    const fit = revision >= EMPTY_STORE_REVISION && compactRevision <= revision;
    checkRows(fit, `revision ${revision}, compacted ${compactRevision}`);
    this.#meta = meta;
    this.#present = present;
    this.#log = new RevisionLog(toRevision(Math.max(compactRevision, EMPTY_STORE_REVISION) + 1));
    const place = { entries: this.#entries, log: this.#log };
    this.#cooling = new HistoryCooling(place, revision, present.hotHistory.maxHotBytes);
  }

  /** Keys that are, or were, attached to a lease. */
  get attached(): readonly Key[] {
    return this.#attached;
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
    if (newest !== null && isRecord(newest)) this.#cooling.superseded(newest);
    const kept = this.#kept(version, newest);
    this.#append(kept, entry);
    if (modRevision > compactRevision) this.#open.push({ version: kept, position });
    else if (newest !== null) this.#unswept.push(newest.key);
  }

  /**
   * What is left to do when all versions are there, step by step.
   * @throws CorruptStateRows when a revision is missing at the end
   */
  *finish(): Generator<undefined, KeySpace> {
    const { revision, compactRevision } = this.#meta;
    this.#close(revision + 1);
    const live = new KeyIndex();
    const departed = new KeyIndex();
    const isAllLive = this.#departed.isEmpty;
    let count = 0;
    for (const key of this.#keys.inOrder()) {
      const isLive = isAllLive || this.#departed.get(key) === undefined;
      (isLive ? live : departed).add(key);
      count += 1;
      if (count % KEYS_PER_STEP === 0) yield;
    }
    const versions = new VersionStore({ entries: this.#entries, live, departed });
    return new KeySpace({
      versions,
      log: this.#log,
      cooling: this.#cooling,
      unswept: this.#unswept,
      revision,
      compactRevision,
    });
  }

  /** The same version, with as little new memory as possible. */
  #kept(version: VersionWithValue, newest: KeyVersion | null): VersionWithValue {
    const { key, modRevision } = version;
    if (isRecord(version) && modRevision <= this.#present.revision) {
      const held = this.#present.recordAt(key, modRevision);
      if (held instanceof StoredRecord) {
        held.settle();
        if (isSameRecord(held, version)) return held;
      }
    }
    if (newest === null) return version;
    // All versions of a key share the first one's string.
    return isTombstone(version) ? { ...version, key: newest.key } : version.withKey(newest.key);
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

  #append(version: KeyVersion, entry: StoredRecord | KeyHistory | undefined): void {
    const { key } = version;
    if (isRecord(version)) {
      if (version.leaseId !== null) this.#attached.push(key);
      if (entry === undefined) {
        this.#entries.set(key, version);
        return this.#keys.add(key);
      }
      this.#departed.delete(key);
    } else this.#departed.set(key, true);
    if (entry instanceof KeyHistory) entry.append(version);
    else if (entry !== undefined) this.#entries.set(key, new KeyHistory([entry, version]));
  }

  /** Ends the revision that is open; the next one that is here is `next`. */
  #close(next: number): void {
    if (this.#open.length > 0) {
      this.#log.append(this.#inOrder());
      this.#cooling.cool(this.#meta.compactRevision, COOLED_VERSIONS_PER_REVISION * this.#open.length);
    }
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
