import type { Key, Revision } from './ids.js';
import type { ColdRecord } from './cold-record.js';
import { KeyHistory, isRecord, isTombstone, type KeyVersion } from './key-history.js';
import type { KeyIndex } from './key-index.js';
import type { KeyRange } from './key-range.js';
import type { KeyMap } from './key-map.js';
import type { StoredRecord } from './stored-record.js';

/** Each key that has an entry is in one of the two indexes. */
type VersionStoreContent = {
  readonly entries: KeyMap<Key, StoredRecord | KeyHistory>;
  /** Keys that exist. */
  readonly live: KeyIndex;
  /** Keys that were deleted and of which older versions can still be read. */
  readonly departed: KeyIndex;
};

const NOTHING: readonly KeyVersion[] = [];

/**
 * All versions of all keys. A key that has only its current record costs that record and nothing else; a history
 * stands in its place as soon as there is a second version, until compaction leaves one again.
 */
export class VersionStore {
  readonly #entries: KeyMap<Key, StoredRecord | KeyHistory>;
  readonly #live: KeyIndex;
  readonly #departed: KeyIndex;

  /** @param content to begin with; becomes the store's own */
  constructor(content: VersionStoreContent) {
    this.#entries = content.entries;
    this.#live = content.live;
    this.#departed = content.departed;
  }

  current(key: Key): StoredRecord | null {
    const entry = this.#entries.get(key);
    if (entry === undefined) return null;
    if (!(entry instanceof KeyHistory)) return entry;
    const { newest } = entry;
    return isRecord(newest) ? newest : null;
  }

  /** Makes `version` the newest of its key. `previous` is what `current` gives. */
  append(version: KeyVersion, previous: StoredRecord | null): void {
    const { key } = version;
    if (previous === null) this.#live.add(key);
    const entry = this.#entries.get(key);
    if (entry instanceof KeyHistory) {
      if (previous === null) this.#departed.delete(key);
      entry.append(version);
    } else if (entry !== undefined) this.#entries.set(key, new KeyHistory([entry, version]));
    else if (isRecord(version)) this.#entries.set(key, version);
    if (!isRecord(version)) {
      this.#live.delete(key);
      this.#departed.add(key);
    }
  }

  /** The record that was current at `revision`, which must not be below the compacted one. */
  recordAt(key: Key, revision: number): StoredRecord | ColdRecord | null {
    const entry = this.#entries.get(key);
    if (entry === undefined) return null;
    if (!(entry instanceof KeyHistory)) return entry.modRevision <= revision ? entry : null;
    const version = entry.versionAt(revision);
    return version === null || isTombstone(version) ? null : version;
  }

  /** Versions of a key that can be seen at `compactRevision` or later, oldest first. */
  history(key: Key, compactRevision: Revision): readonly KeyVersion[] {
    const entry = this.#entries.get(key);
    if (entry === undefined) return [];
    return entry instanceof KeyHistory ? entry.visibleFrom(compactRevision) : [entry];
  }

  liveCount(range: KeyRange): number {
    return this.#live.count(range);
  }

  liveKeys(range: KeyRange, limit: number): Key[] {
    return this.#live.keys(range, limit);
  }

  /** Keys that exist or of which history is held, in order. */
  keysEver(range: KeyRange): Key[] {
    return merge(this.#live.keys(range, 0), this.#departed.keys(range, 0));
  }

  /** Whether the version is among those held, which it is not any more once it was dropped. */
  holds(version: KeyVersion): boolean {
    const entry = this.#entries.get(version.key);
    return entry instanceof KeyHistory ? entry.holds(version) : entry === version;
  }

  /** Whether the version is all that is held of its key. */
  isOnly(version: KeyVersion): boolean {
    return this.#entries.get(version.key) === version;
  }

  /** Frees what of one key cannot be seen at `compactRevision` or later, and answers what that was. */
  dropBefore(key: Key, compactRevision: Revision): readonly KeyVersion[] {
    const entry = this.#entries.get(key);
    if (!(entry instanceof KeyHistory)) return NOTHING;
    const dropped = entry.dropBefore(compactRevision);
    if (entry.length === 0) {
      this.#entries.delete(key);
      this.#departed.delete(key);
    } else if (entry.length === 1 && isRecord(entry.newest)) this.#entries.set(key, entry.newest);
    return dropped;
  }
}

/** Of two lists in order one. */
function merge(left: readonly Key[], right: readonly Key[]): Key[] {
  const merged: Key[] = [];
  let next = 0;
  for (const key of left) {
    for (let other = right[next]; other !== undefined && other < key; other = right[next]) {
      merged.push(other);
      next += 1;
    }
    merged.push(key);
  }
  return next < right.length ? merged.concat(right.slice(next)) : merged;
}
