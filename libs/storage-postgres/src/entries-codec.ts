import { assertNever, logIndex, term, type LogEntry } from '@latchkey/raft';
import { LogStoreError } from '@latchkey/replica';
import { ByteCursor, varintByteLength, writeVarint } from './byte-cursor.js';
import { membershipByteLength, readMembership, writeMembership } from './membership-codec.js';

/** First byte of every row; a reader that does not know it refuses. */
const CODEC_VERSION = 1;

/** Second part of each entry's first byte. The index is not stored: entries are consecutive from the row's first. */
const TAG = { noop: 0, command: 1, membership: 2, membershipWithAddresses: 3 } as const;
const TAG_BITS = 0x0f;
/** Set when a term follows because it differs from the entry before (the first entry: from the row's first term). */
const NEW_TERM = 0x10;

export type TakeBytes = (size: number) => Buffer;

const newBytes: TakeBytes = (size) => Buffer.allocUnsafe(size);

/** Bytes of a run of entries in a row, without the version byte; the run's first term is in the row itself. */
export function entryByteLength(entry: LogEntry, previousTerm: number): number {
  const fixed = 1 + (entry.term === previousTerm ? 0 : varintByteLength(entry.term));
  switch (entry.type) {
    case 'noop':
      return fixed;
    case 'command':
      return fixed + varintByteLength(entry.data.length) + entry.data.length;
    case 'membership':
      return fixed + membershipByteLength(entry.membership);
    default:
      return assertNever(entry);
  }
}

/**
 * One row's entries, which are consecutive and at least one. The data is copied.
 * @param take where the row gets its bytes
 */
export function encodeEntries(entries: readonly LogEntry[], take: TakeBytes = newBytes): Buffer {
  const firstTerm = entries[0]?.term ?? 0;
  let byteLength = 1;
  let previousTerm: number = firstTerm;
  for (const entry of entries) {
    byteLength += entryByteLength(entry, previousTerm);
    previousTerm = entry.term;
  }
  const bytes = take(byteLength);
  bytes[0] = CODEC_VERSION;
  let offset = 1;
  previousTerm = firstTerm;
  for (const entry of entries) {
    offset = writeEntry(bytes, offset, { entry, previousTerm });
    previousTerm = entry.term;
  }
  return bytes;
}

function writeEntry(
  bytes: Buffer,
  start: number,
  { entry, previousTerm }: { readonly entry: LogEntry; readonly previousTerm: number },
): number {
  let offset = start + 1;
  if (entry.term === previousTerm) {
    bytes[start] = tagOf(entry);
  } else {
    bytes[start] = tagOf(entry) | NEW_TERM;
    offset = writeVarint(bytes, offset, entry.term);
  }
  switch (entry.type) {
    case 'noop':
      return offset;
    case 'command':
      offset = writeVarint(bytes, offset, entry.data.length);
      bytes.set(entry.data, offset);
      return offset + entry.data.length;
    case 'membership':
      return writeMembership(bytes, offset, entry.membership);
    default:
      return assertNever(entry);
  }
}

function tagOf(entry: LogEntry): number {
  return entry.type === 'membership' && entry.membership.addresses !== undefined
    ? TAG.membershipWithAddresses
    : TAG[entry.type];
}

/**
 * `data` of each command is a view of `bytes`.
 * @throws LogStoreError corrupt when the bytes are not exactly `count` entries
 */
export function decodeEntries(
  bytes: Uint8Array,
  row: { readonly firstIndex: number; readonly firstTerm: number; readonly count: number },
): LogEntry[] {
  const cursor = new ByteCursor(bytes);
  const version = cursor.readByte();
  if (version !== CODEC_VERSION) throw new LogStoreError('corrupt', `the entries are in unknown format ${version}`);
  const entries: LogEntry[] = [];
  let entryTerm = row.firstTerm;
  for (let position = 0; position < row.count; position += 1) {
    const tag = cursor.readByte();
    if ((tag & NEW_TERM) !== 0) entryTerm = cursor.readVarint();
    entries.push(readEntry(cursor, tag & ~NEW_TERM, { index: row.firstIndex + position, entryTerm }));
  }
  if (!cursor.isAtEnd) throw new LogStoreError('corrupt', `bytes are left behind ${row.count} entries`);
  return entries;
}

function readEntry(
  cursor: ByteCursor,
  tag: number,
  at: { readonly index: number; readonly entryTerm: number },
): LogEntry {
  const place = { index: logIndex(at.index), term: term(at.entryTerm) };
  switch (tag) {
    case TAG.noop:
      return { type: 'noop', ...place };
    case TAG.command:
      return { type: 'command', ...place, data: cursor.readBytes(cursor.readVarint()) };
    case TAG.membership:
      return { type: 'membership', ...place, membership: readMembership(cursor, false) };
    case TAG.membershipWithAddresses:
      return { type: 'membership', ...place, membership: readMembership(cursor, true) };
    default:
      throw new LogStoreError('corrupt', `an entry has unknown type ${tag & TAG_BITS}`);
  }
}
