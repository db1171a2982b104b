import { crc32 } from 'node:zlib';
import type { LogEntry } from '@latchkey/raft';
import { LogStoreError } from '@latchkey/replica';
import { decodeEntries, encodeEntries, entryByteLength, type TakeBytes } from './entries-codec.js';

/** One row of the log: a run of entries that were persisted together. */
export type LogRow = {
  readonly firstIndex: number;
  readonly lastIndex: number;
  readonly firstTerm: number;
  readonly lastTerm: number;
  /** Checksum of the row before: a row that is lost, or comes from another history, breaks the chain. */
  readonly previousChecksum: number;
  readonly checksum: number;
  readonly bytes: Buffer;
};

/** Where the log ends. */
export type LogTail = { readonly lastIndex: number; readonly checksum: number };

export const EMPTY_LOG: LogTail = { lastIndex: 0, checksum: 0 };

/** A row ends before the entry that would make it larger; one larger entry has a row of its own. */
export const MAX_ROW_BYTES = 256 * 1024;

const HEADER_NUMBERS = 5;
const DOUBLE_BYTES = 8;
/** Reused: computing a checksum is synchronous. Doubles hold every index and term exactly. */
const header = Buffer.alloc(HEADER_NUMBERS * DOUBLE_BYTES);

type Unchecked = Omit<LogRow, 'checksum'>;

/** Everything in the row is under its checksum, and through the one before also everything in front of it. */
function checksumOf(row: Unchecked): number {
  header.writeDoubleLE(row.previousChecksum, 0);
  header.writeDoubleLE(row.firstIndex, DOUBLE_BYTES);
  header.writeDoubleLE(row.lastIndex, 2 * DOUBLE_BYTES);
  header.writeDoubleLE(row.firstTerm, 3 * DOUBLE_BYTES);
  header.writeDoubleLE(row.lastTerm, 4 * DOUBLE_BYTES);
  return crc32(row.bytes, crc32(header));
}

/**
 * The rows that hold `entries` behind `tail`.
 * @param take where they get their bytes
 */
export function rowsOf(entries: readonly LogEntry[], tail: LogTail, take?: TakeBytes): LogRow[] {
  const rows: LogRow[] = [];
  let previousChecksum = tail.checksum;
  for (let start = 0; start < entries.length;) {
    const end = endOfRow(entries, start);
    const run = start === 0 && end === entries.length ? entries : entries.slice(start, end);
    const row = rowOf(run, previousChecksum, take);
    rows.push(row);
    previousChecksum = row.checksum;
    start = end;
  }
  return rows;
}

function rowOf(entries: readonly LogEntry[], previousChecksum: number, take?: TakeBytes): LogRow {
  const first = entries[0];
  const last = entries.at(-1);
  const firstIndex = first?.index ?? 0;
  const lastIndex = last?.index ?? 0;
  const firstTerm = first?.term ?? 0;
  const lastTerm = last?.term ?? 0;
  const bytes = encodeEntries(entries, take);
  const checksum = checksumOf({ firstIndex, lastIndex, firstTerm, lastTerm, previousChecksum, bytes });
  return { firstIndex, lastIndex, firstTerm, lastTerm, previousChecksum, checksum, bytes };
}

function endOfRow(entries: readonly LogEntry[], start: number): number {
  let byteLength = 0;
  let previousTerm = 0;
  for (let position = start; position < entries.length; position += 1) {
    const entry = entries[position];
    if (entry === undefined) break;
    byteLength += entryByteLength(entry, previousTerm);
    previousTerm = entry.term;
    if (byteLength > MAX_ROW_BYTES && position > start) return position;
  }
  return entries.length;
}

/**
 * The entries of a row that was read.
 * @throws LogStoreError corrupt, naming the row
 */
export function entriesOf(row: LogRow): LogEntry[] {
  if (checksumOf(row) !== row.checksum) {
    throw new LogStoreError('corrupt', `${nameOf(row)} is damaged: its checksum does not fit`);
  }
  try {
    const entries = decodeEntries(row.bytes, {
      firstIndex: row.firstIndex,
      firstTerm: row.firstTerm,
      count: row.lastIndex - row.firstIndex + 1,
    });
    if (entries.at(-1)?.term !== row.lastTerm) throw new LogStoreError('corrupt', 'its last term does not fit');
    return entries;
  } catch (error) {
    if (!(error instanceof LogStoreError)) throw error;
    throw new LogStoreError('corrupt', `${nameOf(row)} cannot be read: ${error.message}`, { cause: error });
  }
}

export function nameOf(row: Pick<LogRow, 'firstIndex' | 'lastIndex'>): string {
  return `the log row with the entries ${row.firstIndex} to ${row.lastIndex}`;
}
