import type { LeaseId } from '@latchkey/state-machine';
import type { ClientBeliefs } from './client-beliefs.js';
import type { AppliedFact, Invariant, Report } from './invariant.js';

/**
 * A lease does not expire while its owner may still count on it, nobody counts on one that has ended, and one that has ended
 * stays so: no client here asks for an id twice, except to repeat a question that was not answered.
 * Source: FAILURE-MODES 39–42, TESTING invariant 12.
 */
export class LeaseLifetime implements Invariant {
  readonly name = 'leaseLifetime';
  private readonly ended = new Set<LeaseId>();

  constructor(
    private readonly report: Report,
    private readonly beliefs: () => ClientBeliefs,
  ) {}

  applied({ index, isFirst, result, nowMs }: AppliedFact): void {
    if (!isFirst || result === null || result.leaseChanges.length === 0) return;
    for (const change of result.leaseChanges) {
      if (change.type === 'granted' && this.ended.has(change.leaseId)) {
        this.report(`lease ${change.leaseId} had ended and was granted again at entry ${index}`);
      }
      if (change.type === 'ended') this.ended.add(change.leaseId);
    }
    for (const { leaseId, remainingMs, toleranceMs } of this.beliefs().sessions()) {
      if (!this.ended.has(leaseId) || remainingMs <= toleranceMs) continue;
      this.report(`lease ${leaseId} has ended at ${nowMs} ms; its owner counts on another ${remainingMs} ms of it`);
    }
  }
}
