import type { ApplyResult, LeaseId, QueueSpace, StateReader } from '@latchkey/state-machine';
import { isQueueKey, placeKey, placeKeyOfQueueKey } from './queue-place.js';

type Times = { readonly enteredRevision: number; readonly enteredAtMs: number; grantedAtMs: number | null };

const SPACES: readonly QueueSpace[] = ['locks', 'elections'];

/** Since when leases stand in queues and hold locks, by the clock of the leader that proposed it; for display. */
export class QueueTimes {
  private times = new Map<string, Times>();

  /** To be called with every applied entry. */
  applied(result: ApplyResult, proposedAtMs: number): void {
    for (const { events } of result.revisions) {
      for (const event of events) {
        const key = event.type === 'delete' ? event.key : event.record.key;
        if (!isQueueKey(key)) continue;
        if (event.type === 'delete') this.times.delete(placeKeyOfQueueKey(key));
        else if (event.previous === null && event.record.leaseId !== null)
          this.times.set(placeKeyOfQueueKey(key), {
            enteredRevision: event.record.createRevision,
            enteredAtMs: proposedAtMs,
            grantedAtMs: null,
          });
      }
    }
    for (const grant of result.grants) {
      const times = this.times.get(placeKey(grant));
      if (times !== undefined) times.grantedAtMs = proposedAtMs;
    }
  }

  /** The state has jumped: forgets the places that are gone. Of those that are new nothing is known here. */
  replaced(reader: Pick<StateReader, 'queueNames' | 'queue'>): void {
    const known = this.times;
    this.times = new Map();
    for (const space of SPACES) {
      for (const name of reader.queueNames(space, '')) {
        for (const { leaseId, record } of reader.queue(space, name)) {
          const key = placeKey({ space, name, leaseId });
          const times = known.get(key);
          if (times?.enteredRevision === record.createRevision) this.times.set(key, times);
        }
      }
    }
  }

  of(place: { readonly space: QueueSpace; readonly name: string; readonly leaseId: LeaseId }): Times | null {
    return this.times.get(placeKey(place)) ?? null;
  }
}
