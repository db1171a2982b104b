import { at } from './at.js';
import type { ColdRecord } from './cold-record.js';
import type { Key, Revision } from './ids.js';
import type { StoredRecord } from './stored-record.js';

/** A deletion, as a version of its key. */
type Tombstone = {
  readonly key: Key;
  readonly content: null;
  readonly modRevision: Revision;
  readonly updatedAtMs: number;
};

export type KeyVersion = StoredRecord | ColdRecord | Tombstone;

const NOTHING: readonly KeyVersion[] = [];

export const isTombstone = (version: KeyVersion): version is Tombstone => version.content === null;

/** Whether it is a record with its value at hand, as every record is that is current. */
export const isRecord = (version: KeyVersion): version is StoredRecord =>
  version.content !== null && version.content !== undefined;

/** The versions of one key, oldest first, for a key that has more than its current record. Never empty in use. */
export class KeyHistory {
  /** Those before `#dropped` are forgotten; at most as many are still held by the array as are live. */
  #versions: KeyVersion[];
  #dropped = 0;

  constructor(versions: KeyVersion[]) {
    this.#versions = versions;
  }

  get length(): number {
    return this.#versions.length - this.#dropped;
  }

  get newest(): KeyVersion {
    return at(this.#versions, this.#versions.length - 1);
  }

  append(version: KeyVersion): void {
    this.#versions.push(version);
  }

  /** The version that was current at `revision`; null when there was none yet, or it is forgotten. */
  versionAt(revision: number): KeyVersion | null {
    const index = this.#indexAt(revision);
    return index < this.#dropped ? null : at(this.#versions, index);
  }

  holds(version: KeyVersion): boolean {
    return this.#versions[this.#dropped] === version || this.versionAt(version.modRevision) === version;
  }

  /** Puts `version` in the place of the one of the same revision. */
  replace(version: KeyVersion): void {
    this.#versions[this.#indexAt(version.modRevision)] = version;
  }

  /** What can be seen at `compactRevision` or later: a deletion at or before it leaves no trace. */
  visibleFrom(compactRevision: Revision): KeyVersion[] {
    return this.#versions.slice(this.#firstVisible(compactRevision));
  }

  /** Forgets what cannot be seen at `compactRevision` or later, and answers what that was. */
  dropBefore(compactRevision: Revision): readonly KeyVersion[] {
    const firstVisible = this.#firstVisible(compactRevision);
    if (firstVisible === this.#dropped) return NOTHING;
    const dropped = this.#versions.slice(this.#dropped, firstVisible);
    this.#dropped = firstVisible;
    if (this.#dropped * 2 < this.#versions.length) return dropped;
    this.#versions = this.#versions.slice(this.#dropped);
    this.#dropped = 0;
    return dropped;
  }

  #firstVisible(compactRevision: Revision): number {
    const index = this.#indexAt(compactRevision, this.#endNear(compactRevision));
    if (index < this.#dropped) return this.#dropped;
    return isTombstone(at(this.#versions, index)) ? index + 1 : index;
  }

  /**
   * Where a version after `revision` stands, not far behind the first one; the end when there is none. Compaction looks for one of
   * the oldest, and halving the whole history would touch versions that nobody has looked at for long, which are slow to come.
   */
  #endNear(revision: number): number {
    const { length } = this.#versions;
    for (let step = 1; ; step *= 2) {
      const end = this.#dropped + step;
      if (end >= length) return length;
      if (at(this.#versions, end).modRevision > revision) return end;
    }
  }

  /** Index of the newest version at or before `revision` in front of `end`; one before the first when there is none. */
  #indexAt(revision: number, end = this.#versions.length): number {
    let low = this.#dropped;
    let high = end;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (at(this.#versions, middle).modRevision <= revision) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}
