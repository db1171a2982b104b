import type { WireEvent } from '@latchkey/sdk-core';
import {
  contains,
  revision,
  type KeyEvent,
  type KeyRange,
  type Refusal,
  type StateReader,
} from '@latchkey/state-machine';
import { wireRecord } from './wire-record.js';

/** Revisions that a watch is given in one message at most. */
const MAX_REVISIONS_PER_MESSAGE = 64;

export type FeedSink = {
  /** Whole revisions, up to and including `upTo`. */
  readonly events: (upTo: number, events: readonly WireEvent[]) => void;
  readonly refused: (refusal: Refusal) => void;
};

/** One watch on a node: reads on in the history from where it is, whenever there is more. */
export class WatchFeed {
  constructor(
    private readonly range: KeyRange,
    /** Given up to here. */
    private cursor: number,
    private readonly sink: FeedSink,
  ) {}

  pump(reader: Pick<StateReader, 'revision' | 'eventsFrom'>): void {
    while (this.cursor < reader.revision) {
      const slice = reader.eventsFrom(revision(this.cursor + 1), MAX_REVISIONS_PER_MESSAGE);
      if ('code' in slice) return this.sink.refused(slice);
      const last = slice.at(-1);
      if (last === undefined) return;
      const events: WireEvent[] = [];
      for (const { events: changes } of slice) {
        for (const change of changes) if (contains(this.range, keyOf(change))) events.push(wireEvent(change));
      }
      this.cursor = last.revision;
      if (events.length > 0) this.sink.events(this.cursor, events);
    }
  }
}

const keyOf = (event: KeyEvent): string => (event.type === 'put' ? event.record.key : event.key);

function wireEvent(event: KeyEvent): WireEvent {
  if (event.type === 'put') return { type: 'put', record: wireRecord(event.record), previous: null };
  return { type: 'delete', key: event.key, revision: event.modRevision, previous: null };
}
