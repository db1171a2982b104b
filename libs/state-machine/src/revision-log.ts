import { at } from './at.js';
import type { Revision } from './ids.js';
import { invariant } from './invariant.js';
import type { KeyVersion } from './key-history.js';

const CHUNK_REVISIONS = 1_024;

/** What one revision wrote, in order. A single write, the usual case, goes without an array around it. */
export type Slot = KeyVersion | readonly KeyVersion[];

/** The versions in a slot, in the order in which they were written. */
export const versionsIn = (slot: Slot): readonly KeyVersion[] => ('modRevision' in slot ? [slot] : slot);

const FORGOTTEN: readonly KeyVersion[] = [];

/** Which versions each revision wrote, from the oldest that is still held to the newest: one pointer per revision. */
export class RevisionLog {
  readonly #chunks: Slot[][] = [];
  /** Revision of the first slot of the first chunk. */
  #firstRevision: number;
  /** The oldest revision that is not forgotten. */
  #oldestRevision: number;
  #nextRevision: number;
  /** How many versions of the oldest revision are forgotten. */
  #dropped = 0;

  constructor(firstRevision: Revision) {
    this.#firstRevision = firstRevision;
    this.#oldestRevision = firstRevision;
    this.#nextRevision = firstRevision;
  }

  /** The revision that the next slot is of. */
  get nextRevision(): number {
    return this.#nextRevision;
  }

  get oldestRevision(): number {
    return this.#oldestRevision;
  }

  append(versions: readonly KeyVersion[]): void {
    const slot = versions.length === 1 ? at(versions, 0) : versions;
    const last = this.#chunks.at(-1);
    if (last === undefined || last.length === CHUNK_REVISIONS) this.#chunks.push([slot]);
    else last.push(slot);
    this.#nextRevision += 1;
  }

  /** Those that are not forgotten. @throws StateInvariantViolation when the revision is not held. */
  versionsOf(revision: number): readonly KeyVersion[] {
    const isHeld = revision >= this.#oldestRevision && revision < this.#nextRevision;
    if (!isHeld) invariant(false, `revision ${revision} is not held`);
    const offset = revision - this.#firstRevision;
    const versions = versionsIn(at(at(this.#chunks, Math.floor(offset / CHUNK_REVISIONS)), offset % CHUNK_REVISIONS));
    return revision === this.#oldestRevision && this.#dropped > 0 ? versions.slice(this.#dropped) : versions;
  }

  /** Puts `version` in the place of the one that its revision wrote to its key, if that revision is held. */
  replace(version: KeyVersion): void {
    const offset = version.modRevision - this.#firstRevision;
    if (version.modRevision < this.#oldestRevision || version.modRevision >= this.#nextRevision) return;
    const chunk = at(this.#chunks, Math.floor(offset / CHUNK_REVISIONS));
    const slot = at(chunk, offset % CHUNK_REVISIONS);
    chunk[offset % CHUNK_REVISIONS] =
      'modRevision' in slot ? version : slot.map((held) => (held.key === version.key ? version : held));
  }

  /** What all revisions from `revision` on wrote, one slot for each. */
  slotsFrom(revision: number): readonly Slot[] {
    const slots: Slot[] = [];
    const offset = Math.max(revision, this.#oldestRevision) - this.#firstRevision;
    for (let chunk = Math.floor(offset / CHUNK_REVISIONS); chunk < this.#chunks.length; chunk += 1) {
      const skipped = Math.max(0, offset - chunk * CHUNK_REVISIONS);
      for (const slot of at(this.#chunks, chunk).slice(skipped)) slots.push(slot);
    }
    return slots;
  }

  /** Forgets the oldest revision, or the first `limit` versions that are left of it, and answers what they are. */
  dropOldest(limit: number): readonly KeyVersion[] {
    const offset = this.#oldestRevision - this.#firstRevision;
    const versions = versionsIn(at(at(this.#chunks, 0), offset));
    const first = this.#dropped;
    if (versions.length - first > limit) {
      this.#dropped += limit;
      return versions.slice(first, first + limit);
    }
    at(this.#chunks, 0)[offset] = FORGOTTEN;
    this.#dropped = 0;
    this.#oldestRevision += 1;
    if (offset + 1 === CHUNK_REVISIONS) {
      this.#chunks.shift();
      this.#firstRevision += CHUNK_REVISIONS;
    }
    return first === 0 ? versions : versions.slice(first);
  }
}
