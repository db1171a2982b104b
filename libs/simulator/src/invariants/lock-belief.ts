import type { LeaseId } from '@latchkey/state-machine';
import type { AppliedFact, BeliefFact, Invariant, Report } from './invariant.js';

/**
 * While a client believes that it holds a lock, no other lease is granted it (true time; the client allows for the
 * drift of clocks). Source: FAILURE-MODES 44, TESTING invariant 16.
 */
export class LockBelief implements Invariant {
  readonly name = 'lockBelief';
  private readonly beliefs = new Map<string, Map<LeaseId, number>>();

  constructor(private readonly report: Report) {}

  /** `believesUntilMs` in the past ends the belief. */
  lockBelieved({ lock, leaseId, believesUntilMs }: BeliefFact): void {
    let believers = this.beliefs.get(lock);
    if (believers === undefined) this.beliefs.set(lock, (believers = new Map()));
    believers.set(leaseId, believesUntilMs);
  }

  applied({ isFirst, result, nowMs }: AppliedFact): void {
    if (!isFirst || result === null) return;
    for (const { space, name, leaseId } of result.grants) {
      for (const [believer, untilMs] of this.beliefs.get(`${space}/${name}`) ?? []) {
        if (untilMs <= nowMs) this.beliefs.get(`${space}/${name}`)?.delete(believer);
        else if (believer !== leaseId) {
          this.report(
            `${space}/${name} was granted to ${leaseId} while ${believer} believed to hold it until ${untilMs} ms`,
          );
        }
      }
    }
  }
}
