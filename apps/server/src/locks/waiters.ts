import type { ApplyResult } from '@latchkey/state-machine';
import { isQueueKey, placeKey, placeKeyOfQueueKey, type QueuePlace } from './queue-place.js';

/** Looks at its place again: something happened to it. */
export type Waiter = { readonly place: QueuePlace; readonly recheck: () => void };

/** Requests of this node's clients that wait for a lock, found by their place in the queue. */
export class Waiters {
  private readonly byPlace = new Map<string, Set<Waiter>>();
  private count = 0;

  get size(): number {
    return this.count;
  }

  add(waiter: Waiter): void {
    const key = placeKey(waiter.place);
    const others = this.byPlace.get(key);
    if (others === undefined) this.byPlace.set(key, new Set([waiter]));
    else others.add(waiter);
    this.count += 1;
  }

  remove(waiter: Waiter): void {
    const key = placeKey(waiter.place);
    const waiters = this.byPlace.get(key);
    if (waiters?.delete(waiter) !== true) return;
    this.count -= 1;
    if (waiters.size === 0) this.byPlace.delete(key);
  }

  /** To be called with every applied entry: whoever was granted the lock, or lost its place, is told. */
  applied(result: ApplyResult): void {
    if (this.count === 0) return;
    for (const grant of result.grants) this.tell(placeKey(grant));
    for (const { events } of result.revisions) {
      for (const event of events) {
        // A key that was detached from its lease has left its queue too.
        const key = event.type === 'delete' ? event.key : event.record.key;
        if (isQueueKey(key)) this.tell(placeKeyOfQueueKey(key));
      }
    }
  }

  /** The state has jumped: anything may have happened to any place. */
  replaced(): void {
    for (const key of [...this.byPlace.keys()]) this.tell(key);
  }

  private tell(key: string): void {
    const waiters = this.byPlace.get(key);
    if (waiters === undefined) return;
    for (const waiter of [...waiters]) waiter.recheck();
  }
}
