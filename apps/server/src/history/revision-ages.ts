import type { Revision } from '@latchkey/state-machine';

/** How exactly an age is known: to so many parts of it. */
const STEPS_PER_AGE = 32;

/**
 * Which revisions are older than some age, by what this process has seen since it began: on its monotonic clock, so that a
 * clock that is set takes no history away. After a restart history is kept for up to one age longer.
 */
export class RevisionAges {
  private readonly samples: { readonly revision: Revision; readonly atMs: number }[] = [];

  constructor(private readonly maxAgeMs: number) {}

  /** How often to `note`. */
  get stepMs(): number {
    return Math.ceil(this.maxAgeMs / STEPS_PER_AGE);
  }

  note(revision: Revision, nowMs: number): void {
    if (this.samples.at(-1)?.revision !== revision) this.samples.push({ revision, atMs: nowMs });
  }

  /** The latest revision that is known to have been reached longer ago than the age; null when there is none. */
  latestExpired(nowMs: number): Revision | null {
    const isExpired = (position: number): boolean => nowMs - (this.samples[position]?.atMs ?? Infinity) > this.maxAgeMs;
    while (isExpired(1)) this.samples.shift();
    const [oldest] = this.samples;
    return oldest !== undefined && isExpired(0) ? oldest.revision : null;
  }
}
