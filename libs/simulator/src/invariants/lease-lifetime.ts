import type { LeaseId } from '@latchkey/state-machine';
import type { AppliedFact, Invariant, LeaseFact, Report } from './invariant.js';

/**
 * A lease does not expire before the time its owner was promised (true time; the caller allows for the drift of the
 * clock it was counted with), and one that has ended stays so: no client here asks for an id twice, except to repeat a
 * question that was not answered. Source: FAILURE-MODES 39–42, TESTING invariant 12.
 */
export class LeaseLifetime implements Invariant {
  readonly name = 'leaseLifetime';
  private readonly promisedUntilMs = new Map<LeaseId, number>();
  private readonly ended = new Set<LeaseId>();
  private readonly endedAtMs = new Map<LeaseId, number>();

  constructor(private readonly report: Report) {}

  leaseConfirmed({ leaseId, aliveUntilMs }: LeaseFact): void {
    const before = this.promisedUntilMs.get(leaseId) ?? 0;
    if (aliveUntilMs > before) this.promisedUntilMs.set(leaseId, aliveUntilMs);
    this.check(leaseId);
  }

  applied({ index, isFirst, result, nowMs }: AppliedFact): void {
    if (!isFirst || result === null) return;
    for (const change of result.leaseChanges) {
      if (change.type === 'granted' && this.ended.has(change.leaseId)) {
        this.report(`lease ${change.leaseId} had ended and was granted again at entry ${index}`);
      }
      if (change.type === 'ended') this.ended.add(change.leaseId);
      if (change.type !== 'ended' || change.reason !== 'expired') continue;
      this.endedAtMs.set(change.leaseId, nowMs);
      this.check(change.leaseId);
    }
  }

  private check(leaseId: LeaseId): void {
    const endedAtMs = this.endedAtMs.get(leaseId);
    const promisedUntilMs = this.promisedUntilMs.get(leaseId);
    if (endedAtMs === undefined || promisedUntilMs === undefined || endedAtMs >= promisedUntilMs) return;
    this.report(`lease ${leaseId} expired at ${endedAtMs} ms; its owner was promised it until ${promisedUntilMs} ms`);
  }
}
