import type { WireEvent } from '@latchkey/contracts';

/** A watch that holds so many events for a reader who is slow stops the flow, until the reader takes them. */
export const WATCH_BUFFER_HIGH = 1_024;

export function eventRevision(event: WireEvent): number {
  return event.type === 'put' ? event.record.modRevision : event.revision;
}

/** The events a watch has and its reader has not. */
export class WatchBuffer {
  #events: WireEvent[] = [];

  get size(): number {
    return this.#events.length;
  }

  push(events: readonly WireEvent[]): void {
    for (const event of events) this.#events.push(event);
  }

  takeAll(): readonly WireEvent[] {
    const events = this.#events;
    this.#events = [];
    return events;
  }
}
