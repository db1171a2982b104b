import type { WatchMessage, WireEvent } from '@latchkey/contracts';
import type { KeyEvent, RevisionEvents } from '@latchkey/state-machine';
import { textOfBytes } from '../commands/key-text.js';
import { wireRecord, wireRecordOrNull } from '../commands/to-result.js';

/** What a watch was told at one revision. */
export type MatchedRevision = { readonly revision: number; readonly events: readonly KeyEvent[] };

/** A message for any number of watchers: made once, and encoded once for each way in which it travels. */
export class SharedMessage {
  private readonly encodings = new Map<symbol, Uint8Array | string>();

  constructor(readonly content: WatchMessage) {}

  /** `encode` is called at most once for each `format`. */
  encodedAs<Encoding extends Uint8Array | string>(
    format: symbol,
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

/** In order, cut between revisions only. */
export function eventMessages(matched: readonly MatchedRevision[], withPrevious: boolean): readonly SharedMessage[] {
  const messages: SharedMessage[] = [];
  let events: WireEvent[] = [];
  let byteCount = 0;
  matched.forEach((part, index) => {
    for (const event of part.events) {
      events.push(wireEvent(event, withPrevious));
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
export function matchRevision(source: RevisionEvents, wants: (key: string) => boolean): MatchedRevision | null {
  const events = source.events.filter((event) => wants(event.type === 'put' ? event.record.key : event.key));
  return events.length === 0 ? null : { revision: source.revision, events };
}

function wireEvent(event: KeyEvent, withPrevious: boolean): WireEvent {
  const previous = withPrevious ? wireRecordOrNull(event.previous) : null;
  return event.type === 'put'
    ? { type: 'put', record: wireRecord(event.record), previous }
    : { type: 'delete', key: textOfBytes(event.key), revision: event.modRevision, previous };
}

function approximateBytes(event: KeyEvent, withPrevious: boolean): number {
  const value = event.type === 'put' ? event.record.value.byteLength : 0;
  const previous = withPrevious ? (event.previous?.value.byteLength ?? 0) : 0;
  return EVENT_OVERHEAD_BYTES + value + previous;
}
