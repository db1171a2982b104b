import type { AppliedFact, Invariant, Report } from './invariant.js';

/** Clients write under this prefix, every value once. */
export const UNIQUE_VALUES_PREFIX = 'kv/';

/**
 * What a client sent once takes effect at most once, however often it was repeated: values are unique, so none may be
 * written twice. Source: FAILURE-MODES 38, Raft thesis §6.3, TESTING invariant 13.
 */
export class EffectOnce implements Invariant {
  readonly name = 'effectOnce';
  private readonly writtenAt = new Map<string, number>();

  constructor(private readonly report: Report) {}

  applied({ isFirst, result }: AppliedFact): void {
    if (!isFirst || result === null) return;
    for (const { events } of result.revisions) {
      for (const event of events) {
        if (event.type !== 'put' || !event.record.key.startsWith(UNIQUE_VALUES_PREFIX)) continue;
        const value = String.fromCharCode(...event.record.value);
        const before = this.writtenAt.get(value);
        if (before !== undefined) {
          this.report(`${value} was written at revision ${before} and again at ${event.record.modRevision}`);
        }
        this.writtenAt.set(value, event.record.modRevision);
      }
    }
  }
}
