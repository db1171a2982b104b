import type { ApplyResult, Revision } from '@latchkey/state-machine';

/** How exactly a size is known: to so many parts of it. */
const STEPS_PER_SIZE = 10;

/**
 * How far back the last so many bytes of history reach, by what this process has seen since it began. After a restart up to as
 * much again is kept.
 */
export class RevisionSizes {
  private readonly samples: { readonly revision: Revision; readonly byteCount: number }[] = [];
  /** Written since the beginning. */
  private byteCount = 0;

  constructor(private readonly maxBytes: number) {}

  /** To be called with every applied entry. */
  note({ revisions }: Pick<ApplyResult, 'revisions'>): void {
    const last = revisions.at(-1);
    if (last === undefined) return;
    for (const { events } of revisions)
      for (const event of events)
        if (event.type === 'put') this.byteCount += event.record.key.length + event.record.value.length;
    const stepBytes = this.maxBytes / STEPS_PER_SIZE;
    if (this.byteCount - (this.samples.at(-1)?.byteCount ?? 0) < stepBytes) return;
    this.samples.push({ revision: last.revision, byteCount: this.byteCount });
    // Whatever becomes of the compactions, no more are needed than reach back once too far.
    while ((this.samples[1]?.byteCount ?? Infinity) <= this.byteCount - this.maxBytes) this.samples.shift();
  }

  /** The latest revision up to which there is too much, a step at least; null when there is not. */
  latestExcess(): Revision | null {
    const [oldest] = this.samples;
    return oldest !== undefined && this.byteCount - oldest.byteCount >= this.maxBytes ? oldest.revision : null;
  }
}
