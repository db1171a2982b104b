import { at } from './at.js';
import type { Revision } from './ids.js';
import { invariant } from './invariant.js';
import type { KeyVersion } from './key-history.js';

const CHUNK_REVISIONS = 1_024;

/** What one revision wrote, in order. A single write, the usual case, goes without an array around it. */
type Slot = KeyVersion | readonly KeyVersion[];

const FORGOTTEN: readonly KeyVersion[] = [];

/** Which versions each revision wrote, from the oldest that is still held to the newest: one pointer per revision. */
export class RevisionLog {
  readonly #chunks: Slot[][] = [];
  /** Revision of the first slot of the first chunk. */
  #firstRevision: number;
  /** The oldest revision that is not forgotten. */
  #oldestRevision: number;
  #nextRevision: number;

  constructor(firstRevision: Revision) {
    this.#firstRevision = firstRevision;
    this.#oldestRevision = firstRevision;
    this.#nextRevision = firstRevision;
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

  /** @throws StateInvariantViolation when the revision is not held. */
  versionsOf(revision: number): readonly KeyVersion[] {
    invariant(revision >= this.#oldestRevision && revision < this.#nextRevision, `revision ${revision} is not held`);
    const offset = revision - this.#firstRevision;
    const slot = at(at(this.#chunks, Math.floor(offset / CHUNK_REVISIONS)), offset % CHUNK_REVISIONS);
    return 'modRevision' in slot ? [slot] : slot;
  }

  /** Forgets the oldest revision and answers what it wrote. */
  dropOldest(): readonly KeyVersion[] {
    const versions = this.versionsOf(this.#oldestRevision);
    const offset = this.#oldestRevision - this.#firstRevision;
    at(this.#chunks, 0)[offset] = FORGOTTEN;
    this.#oldestRevision += 1;
    if (offset + 1 === CHUNK_REVISIONS) {
      this.#chunks.shift();
      this.#firstRevision += CHUNK_REVISIONS;
    }
    return versions;
  }
}
