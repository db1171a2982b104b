import { at } from './at.js';
import { ColdRecord } from './cold-record.js';
import type { Key, Revision } from './ids.js';
import { isRecord, KeyHistory, type KeyVersion } from './key-history.js';
import type { KeyMap } from './key-map.js';
import type { RevisionLog } from './revision-log.js';
import type { StoredRecord } from './stored-record.js';
import { lengthOfValue } from './stored-value.js';

/** Values of versions that have a successor. */
export const MAX_HOT_HISTORY_BYTES = 64 * 1024 * 1024;
/** A value of so many bytes stays: what is kept of its version takes more. */
export const MAX_ALWAYS_HOT_BYTES = 64;

/** Where the versions are that are to become cold. */
export type CoolingPlace = {
  readonly entries: KeyMap<Key, StoredRecord | KeyHistory>;
  readonly log: RevisionLog;
};

/**
 * Takes the values of old versions out of memory, the oldest first, once they are in a checkpoint and there are more than
 * enough of them. What can be seen at the revision that this has come to, or later, keeps its value: reads there, and events
 * after it, need nothing but memory. Each node does that for itself: no outcome, event or hash depends on it.
 */
export class HistoryCooling {
  readonly #entries: CoolingPlace['entries'];
  readonly #log: RevisionLog;
  readonly maxHotBytes: number;
  /** Of values that count, and are in memory though their versions have a successor. */
  #hotBytes = 0;
  /** What was superseded up to there is cold. */
  #coldRevision: number;
  /** How many versions of the revision after the cold one are done. */
  #done = 0;
  #savedRevision: number;

  /** @param savedRevision all versions up to it are in a checkpoint */
  constructor({ entries, log }: CoolingPlace, savedRevision: Revision, maxHotBytes: number) {
    this.#entries = entries;
    this.#log = log;
    this.#coldRevision = log.oldestRevision - 1;
    this.#savedRevision = savedRevision;
    this.maxHotBytes = maxHotBytes;
  }

  /** Values of history that are in memory and need not be. */
  get hotBytes(): number {
    return this.#hotBytes;
  }

  /** A checkpoint holds all versions up to this revision now. */
  saved(revision: Revision): void {
    this.#savedRevision = revision;
  }

  superseded(version: StoredRecord): void {
    this.#hotBytes += countedBytes(version);
  }

  /** These were superseded, and are freed. */
  dropped(versions: readonly KeyVersion[]): void {
    for (const version of versions) if (isRecord(version)) this.#hotBytes -= countedBytes(version);
  }

  /** Looks at no more than `budget` versions; to be called with every entry. */
  cool(compactRevision: Revision, budget: number): void {
    if (this.#hotBytes <= this.maxHotBytes) return;
    if (compactRevision > this.#coldRevision) {
      // The sweep frees what was superseded up to there.
      this.#coldRevision = compactRevision;
      this.#done = 0;
    }
    const last = Math.min(this.#savedRevision, this.#log.nextRevision - 1);
    let left = budget;
    while (left > 0 && this.#hotBytes > this.maxHotBytes && this.#coldRevision < last) {
      const versions = this.#log.versionsOf(this.#coldRevision + 1);
      const end = Math.min(versions.length, this.#done + left);
      left -= end - this.#done;
      for (; this.#done < end; this.#done += 1) this.#passed(at(versions, this.#done));
      if (end < versions.length) return;
      this.#coldRevision += 1;
      this.#done = 0;
    }
  }

  #passed(version: KeyVersion): void {
    // It stays for long, or else must not keep in memory what came with it.
    if (isRecord(version)) version.settle();
    const { key, modRevision } = version;
    const entry = this.#entries.get(key);
    const previous = entry instanceof KeyHistory ? entry.versionAt(modRevision - 1) : null;
    if (previous === null || !isRecord(previous)) return;
    const byteCount = countedBytes(previous);
    if (byteCount === 0) return;
    // A new object: the record itself may be in outcomes and on its way to watchers.
    const cold = new ColdRecord(previous);
    if (entry instanceof KeyHistory) entry.replace(cold);
    this.#log.replace(cold);
    this.#hotBytes -= byteCount;
  }
}

function countedBytes({ content }: StoredRecord): number {
  const length = lengthOfValue(content);
  return length > MAX_ALWAYS_HOT_BYTES ? length : 0;
}
