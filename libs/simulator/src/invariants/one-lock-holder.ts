import type { LeaseId } from '@latchkey/state-machine';
import type { AppliedFact, Invariant, Report } from './invariant.js';

/** A lock has at most one holder at each position of the log, and a lock given away was free. Source: TESTING invariant 10. */
export class OneLockHolder implements Invariant {
  readonly name = 'oneLockHolder';
  /** The lease that holds, by lock. */
  private readonly holders = new Map<string, LeaseId>();

  constructor(private readonly report: Report) {}

  applied({ isFirst, result, index }: AppliedFact): void {
    if (!isFirst || result === null) return;
    // One entry can end several leases one after the other: who was granted the lock may lose it in the same entry.
    const deleted = new Set<string>();
    for (const { events } of result.revisions) {
      for (const event of events) if (event.type === 'delete') deleted.add(event.key);
    }
    for (const { space, name, leaseId } of result.grants) {
      const lock = `${space}/${name}`;
      const holder = this.holders.get(lock);
      if (holder !== undefined && holder !== leaseId && !deleted.has(`${lock}/${holder}`)) {
        this.report(`${lock} was granted to ${leaseId} at entry ${index} while ${holder} held it`);
      }
      this.holders.set(lock, leaseId);
    }
    for (const change of result.leaseChanges) {
      if (change.type === 'ended') this.mustHaveLeft(change.leaseId, deleted);
    }
    for (const [lock, holder] of this.holders) if (deleted.has(`${lock}/${holder}`)) this.holders.delete(lock);
  }

  /** The keys of a lease vanish with it, in the same entry. */
  private mustHaveLeft(leaseId: LeaseId, deleted: ReadonlySet<string>): void {
    for (const [lock, holder] of this.holders) {
      if (holder === leaseId && !deleted.has(`${lock}/${holder}`)) {
        this.report(`lease ${leaseId} has ended and still holds ${lock}`);
      }
    }
  }
}
