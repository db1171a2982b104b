import type { WireEvent } from '@latchkey/contracts';

/** Events a watch holds for a reader who is slow; then it stops the flow and takes it up again from where it was. */
export const WATCH_BUFFER_HIGH = 1_024;
/** It goes on when only so many are left. */
export const WATCH_BUFFER_LOW = 128;

export function eventRevision(event: WireEvent): number {
  return event.type === 'put' ? event.record.modRevision : event.revision;
}

/** The events a watch has and its reader has not. */
export class WatchBuffer {
  #events: WireEvent[] = [];
  #head = 0;

  get size(): number {
    return this.#events.length - this.#head;
  }

  push(events: readonly WireEvent[]): void {
    for (const event of events) this.#events.push(event);
  }

  shift(): WireEvent | null {
    const event = this.#events[this.#head];
    if (event === undefined) return null;
    this.#head += 1;
    if (this.#head === this.#events.length) {
      this.#events = [];
      this.#head = 0;
    }
    return event;
  }
}
