import type { WatchMessage, WireEvent } from '@latchkey/contracts';
import { pastValueBytes, type PastKeyEvent, type PastRecord, type PastRevisionEvents } from '@latchkey/state-machine';
import { textOfBytes } from '../commands/key-text.js';
import { wireRecord } from '../commands/to-result.js';
import { valueAtHand, type ValueOf } from '../history/past-values.js';

/** What a watch was told at one revision. */
export type MatchedRevision = { readonly revision: number; readonly events: readonly PastKeyEvent[] };

/** A message for any number of watchers: made once, and encoded once for each way in which it travels. */
export class SharedMessage {
  private readonly encodings = new Map<symbol | number, Uint8Array | string>();

  constructor(readonly content: WatchMessage) {}

  /**
   * `encode` is called at most once for each `format`.
   * @param format a number: the frame that holds this message alone, for a watch with this id
   */
  encodedAs<Encoding extends Uint8Array | string>(
    format: symbol | number,
    encode: (content: WatchMessage) => Encoding,
  ): Encoding {
    const known = this.encodings.get(format);
    // One format always has the same encoder.
    if (known !== undefined) return known as Encoding;
    const encoded = encode(this.content);
    this.encodings.set(format, encoded);
    return encoded;
  }
}

/** One message holds about this much, and always whole revisions. */
const MAX_MESSAGE_BYTES = 256 * 1024;
const EVENT_OVERHEAD_BYTES = 128;

/**
 * In order, cut between revisions only.
 * @param valueOf for events of the past, of which `recordsIn` tells the records
 */
export function eventMessages(
  matched: readonly MatchedRevision[],
  withPrevious: boolean,
  valueOf: ValueOf = valueAtHand,
): readonly SharedMessage[] {
  const messages: SharedMessage[] = [];
  let events: WireEvent[] = [];
  let byteCount = 0;
  matched.forEach((part, index) => {
    for (const event of part.events) {
      events.push(wireEvent(event, withPrevious, valueOf));
      byteCount += approximateBytes(event, withPrevious);
    }
    if (byteCount < MAX_MESSAGE_BYTES && index < matched.length - 1) return;
    messages.push(new SharedMessage({ type: 'events', revision: part.revision, events }));
    events = [];
    byteCount = 0;
  });
  return messages;
}

/** The part of a revision that a watch wants; null when there is none. */
export function matchRevision(source: PastRevisionEvents, wants: (key: string) => boolean): MatchedRevision | null {
  const events = source.events.filter((event) => wants(event.type === 'put' ? event.record.key : event.key));
  return events.length === 0 ? null : { revision: source.revision, events };
}

/** The records of which a watcher is told the values. */
export function* recordsIn({ events }: MatchedRevision, withPrevious: boolean): IterableIterator<PastRecord> {
  for (const event of events) {
    if (event.type === 'put') yield event.record;
    if (withPrevious && event.previous !== null) yield event.previous;
  }
}

function wireEvent(event: PastKeyEvent, withPrevious: boolean, valueOf: ValueOf): WireEvent {
  const previous = withPrevious && event.previous !== null ? wireRecord(valueOf(event.previous)) : null;
  return event.type === 'put'
    ? { type: 'put', record: wireRecord(valueOf(event.record)), previous }
    : { type: 'delete', key: textOfBytes(event.key), revision: event.modRevision, previous };
}

function approximateBytes(event: PastKeyEvent, withPrevious: boolean): number {
  const value = event.type === 'put' ? pastValueBytes(event.record) : 0;
  const previous = withPrevious && event.previous !== null ? pastValueBytes(event.previous) : 0;
  return EVENT_OVERHEAD_BYTES + value + previous;
}
