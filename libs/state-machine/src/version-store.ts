import type { Key, Revision } from './ids.js';
import { KeyHistory, isRecord, type KeyVersion } from './key-history.js';
import { KeyIndex } from './key-index.js';
import type { KeyRange } from './key-range.js';
import type { KeyRecord } from './key-record.js';

/**
 * All versions of all keys. A key that has only its current record costs that record and nothing else; a history
 * stands in its place as soon as there is a second version, until compaction leaves one again.
 */
export class VersionStore {
  readonly #entries = new Map<Key, KeyRecord | KeyHistory>();
  /** Keys that exist. */
  readonly #live = new KeyIndex();
  /** Keys that were deleted and of which older versions can still be read. */
  readonly #departed = new KeyIndex();

  current(key: Key): KeyRecord | null {
    const entry = this.#entries.get(key);
    if (entry === undefined) return null;
    if (!(entry instanceof KeyHistory)) return entry;
    const { newest } = entry;
    return isRecord(newest) ? newest : null;
  }

  /** Makes `version` the newest of its key. `previous` is what `current` gives. */
  append(version: KeyVersion, previous: KeyRecord | null): void {
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
  recordAt(key: Key, revision: number): KeyRecord | null {
    const entry = this.#entries.get(key);
    if (entry === undefined) return null;
    if (!(entry instanceof KeyHistory)) return entry.modRevision <= revision ? entry : null;
    const version = entry.versionAt(revision);
    return version !== null && isRecord(version) ? version : null;
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
    return mergeSorted(this.#live.keys(range, 0), this.#departed.keys(range, 0));
  }

  /** Frees what of one key cannot be seen at `compactRevision` or later. */
  dropBefore(key: Key, compactRevision: Revision): void {
    const entry = this.#entries.get(key);
    if (!(entry instanceof KeyHistory)) return;
    entry.dropBefore(compactRevision);
    if (entry.length === 0) {
      this.#entries.delete(key);
      this.#departed.delete(key);
    } else if (entry.length === 1 && isRecord(entry.newest)) this.#entries.set(key, entry.newest);
  }
}

function mergeSorted(left: readonly Key[], right: readonly Key[]): Key[] {
  if (right.length === 0) return [...left];
  const merged: Key[] = [];
  let next = 0;
  for (const key of left) {
    for (let other = right[next]; other !== undefined && other < key; other = right[next]) {
      merged.push(other);
      next += 1;
    }
    merged.push(key);
  }
  return merged.concat(right.slice(next));
}
