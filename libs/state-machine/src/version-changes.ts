import { revision as toRevision, type Key, type Revision } from './ids.js';
import type { KeyVersion } from './key-history.js';
import type { RevisionLog, Slot } from './revision-log.js';
import type { VersionId } from './version-rows.js';
import type { VersionStore } from './version-store.js';

/** Rows to write and to delete. */
export type TakenVersions = {
  readonly gone: readonly VersionId[];
  /** Whole revisions: the position of a version is its place in the slot. */
  readonly slots: readonly Slot[];
  /** Versions at or below the compacted revision, whose position means nothing any more; in the order of their revisions. */
  readonly compacted: readonly KeyVersion[];
};

/**
 * Which versions differ from the rows given out last. Writing costs nothing: new versions are found in the revision log.
 * Only what the sweep takes out of that log before it was given out is noted down. Holds no more than the rows that were
 * given out and one version per key.
 */
export class VersionChanges {
  #givenThrough: Revision;
  #gone: VersionId[] = [];
  /**
   * Swept out of the log, in no row yet, and still held as what its key was at the compacted revision. In the order of their
   * revisions: the sweep drops an older one of the key before it passes a newer.
   */
  readonly #survivors = new Map<Key, KeyVersion>();

  constructor(givenThrough: Revision) {
    this.#givenThrough = givenThrough;
  }

  /** All revisions up to this one were given out. */
  get givenThrough(): Revision {
    return this.#givenThrough;
  }

  /** The sweep has freed these: there must be no row of them any more. */
  dropped(versions: readonly KeyVersion[]): void {
    for (const version of versions) {
      const { modRevision, key } = version;
      // A new object: the value is not to stay in memory for it.
      if (modRevision <= this.#givenThrough) this.#gone.push({ modRevision, key });
      else if (this.#survivors.get(key) === version) this.#survivors.delete(key);
    }
  }

  /** The sweep has passed this version, which is still held. */
  survived(version: KeyVersion): void {
    if (version.modRevision > this.#givenThrough) this.#survivors.set(version.key, version);
  }

  /** All that has changed since the last call. */
  take(from: {
    readonly versions: VersionStore;
    readonly log: RevisionLog;
    readonly compactRevision: Revision;
  }): TakenVersions {
    const { log, compactRevision } = from;
    const compacted = this.#compactedSince(this.#givenThrough, from);
    const slots = log.slotsFrom(Math.max(this.#givenThrough, compactRevision) + 1);
    const gone = this.#gone;
    this.#gone = [];
    this.#survivors.clear();
    this.#givenThrough = toRevision(log.nextRevision - 1);
    return { gone, slots, compacted };
  }

  /** Those written after `givenThrough` and compacted since that are still held, swept or not. */
  #compactedSince(
    givenThrough: number,
    { versions, log, compactRevision }: Parameters<VersionChanges['take']>[0],
  ): KeyVersion[] {
    const compacted = [...this.#survivors.values()];
    const first = Math.max(givenThrough + 1, log.oldestRevision);
    for (let revision = first; revision <= compactRevision; revision += 1) {
      for (const version of log.versionsOf(revision)) if (versions.holds(version)) compacted.push(version);
    }
    return compacted;
  }
}
