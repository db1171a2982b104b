import type { ApplyResult, QueueSpace, LeaseId } from '@latchkey/state-machine';
import { isQueueKey, placeKey, placeKeyOfQueueKey } from './queue-place.js';

type Times = { readonly enteredAtMs: number; grantedAtMs: number | null };

/** Since when leases stand in queues and hold locks, by the clock of the leader that proposed it; for display. */
export class QueueTimes {
  private readonly times = new Map<string, Times>();

  /** To be called with every applied entry. */
  applied(result: ApplyResult, proposedAtMs: number): void {
    for (const { events } of result.revisions) {
      for (const event of events) {
        const key = event.type === 'delete' ? event.key : event.record.key;
        if (!isQueueKey(key)) continue;
        if (event.type === 'delete') this.times.delete(placeKeyOfQueueKey(key));
        else if (event.previous === null && event.record.leaseId !== null)
          this.times.set(placeKeyOfQueueKey(key), { enteredAtMs: proposedAtMs, grantedAtMs: null });
      }
    }
    for (const grant of result.grants) {
      const times = this.times.get(placeKey(grant));
      if (times !== undefined) times.grantedAtMs = proposedAtMs;
    }
  }

  of(place: { readonly space: QueueSpace; readonly name: string; readonly leaseId: LeaseId }): Times | null {
    return this.times.get(placeKey(place)) ?? null;
  }
}
