import { LogStoreError, type CheckpointStore } from '@latchkey/replica';
import type { WireEvent } from '@latchkey/sdk-core';
import {
  contains,
  isCold,
  recordOfRow,
  revision,
  versionKey,
  type ColdKeyRecord,
  type KeyRange,
  type KeyRecord,
  type PastKeyEvent,
  type PastRecord,
  type Refusal,
  type StateReader,
} from '@latchkey/state-machine';
import { wireRecord } from './wire-record.js';

/** Revisions that a watch is given in one message at most. */
const MAX_REVISIONS_PER_MESSAGE = 64;

export type FeedSink = {
  /** Whole revisions, up to and including `upTo`. */
  readonly events: (upTo: number, events: readonly WireEvent[]) => void;
  /** Null: old values cannot be read. */
  readonly refused: (refusal: Refusal | null) => void;
};

export type FeedSource = Pick<CheckpointStore, 'readRows'> & {
  readonly reader: Pick<StateReader, 'revision' | 'eventsFrom'>;
  /** It is not in memory, and there is no row of it. */
  readonly valueMissing: (record: ColdKeyRecord) => void;
};

type Slice = { readonly upTo: number; readonly events: readonly PastKeyEvent[] };

/** One watch on a node: reads on in the history from where it is, whenever there is more. */
export class WatchFeed {
  private isReading = false;
  private isOver = false;

  constructor(
    private readonly source: FeedSource,
    private readonly range: KeyRange,
    /** Given up to here. */
    private cursor: number,
    private readonly sink: FeedSink,
  ) {}

  /** Nothing is told any more. */
  end(): void {
    this.isOver = true;
  }

  pump(): void {
    const { reader } = this.source;
    while (!this.isReading && !this.isOver && this.cursor < reader.revision) {
      const found = reader.eventsFrom(revision(this.cursor + 1), MAX_REVISIONS_PER_MESSAGE);
      if ('code' in found) return this.sink.refused(found);
      const last = found.at(-1);
      if (last === undefined) return;
      const events = found.flatMap((each) => each.events.filter((event) => contains(this.range, keyOf(event))));
      const slice = { upTo: last.revision, events };
      const cold = coldRecordsOf(events);
      if (cold.length > 0) void this.read(slice, cold);
      else this.give(slice, new Map());
    }
  }

  /** Values that are on the disk only. */
  private async read(slice: Slice, cold: readonly ColdKeyRecord[]): Promise<void> {
    this.isReading = true;
    try {
      const rows = await this.source.readRows(cold.map(versionKey));
      if (!this.isOver) this.giveRead(slice, cold, rows);
    } catch (error) {
      if (!(error instanceof LogStoreError)) throw error;
      if (!this.isOver) this.sink.refused(null);
    } finally {
      this.isReading = false;
    }
    this.pump();
  }

  private giveRead(slice: Slice, cold: readonly ColdKeyRecord[], rows: readonly (Uint8Array | null)[]): void {
    const values = new Map<PastRecord, KeyRecord>();
    for (const [index, record] of cold.entries()) {
      const row = rows[index] ?? null;
      if (row === null) {
        this.source.valueMissing(record);
        return this.sink.refused(null);
      }
      values.set(record, recordOfRow(record, row));
    }
    this.give(slice, values);
  }

  private give({ upTo, events }: Slice, values: ReadonlyMap<PastRecord, KeyRecord>): void {
    this.cursor = upTo;
    if (events.length === 0) return;
    this.sink.events(
      upTo,
      events.map((event) => wireEvent(event, values)),
    );
  }
}

const keyOf = (event: PastKeyEvent): string => (event.type === 'put' ? event.record.key : event.key);

function coldRecordsOf(events: readonly PastKeyEvent[]): ColdKeyRecord[] {
  const records = events.flatMap((event): PastRecord[] => (event.type === 'put' ? [event.record] : []));
  return records.filter(isCold);
}

function wireEvent(event: PastKeyEvent, values: ReadonlyMap<PastRecord, KeyRecord>): WireEvent {
  if (event.type === 'delete') return { type: 'delete', key: event.key, revision: event.modRevision, previous: null };
  const record = values.get(event.record) ?? event.record;
  if (isCold(record)) throw new TypeError(`the value of revision ${record.modRevision} was not read`);
  return { type: 'put', record: wireRecord(record), previous: null };
}
