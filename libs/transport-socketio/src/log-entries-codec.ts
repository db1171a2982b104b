import type { LogEntry } from '@latchkey/raft';
import { assertNever, logIndex, term } from '@latchkey/raft';
import type { ByteReader } from './byte-reader.js';
import { ByteWriter, numberByteLength } from './byte-writer.js';
import { CodecError } from './codec-error.js';
import { membershipByteLength, readMembership, writeMembership } from './membership-codec.js';

const entryTag = { noop: 0, command: 1, membership: 2 } as const;

const encodedEntries = new WeakMap<readonly LogEntry[], Buffer>();

/**
 * The bytes of a run of entries. A leader hands the same array to every follower, so the bytes are kept with the array
 * object and made once; the array must never change after its first use.
 */
export function encodeLogEntries(entries: readonly LogEntry[]): Buffer {
  const known = encodedEntries.get(entries);
  if (known !== undefined) return known;
  let byteLength = numberByteLength(entries.length);
  for (const entry of entries) byteLength += entryByteLength(entry);
  const writer = new ByteWriter(byteLength);
  writer.writeNumber(entries.length);
  for (const entry of entries) writeEntry(writer, entry);
  const encoded = writer.finish();
  encodedEntries.set(entries, encoded);
  return encoded;
}

/** `data` of each command is a view of the frame. @throws CodecError */
export function readLogEntries(reader: ByteReader): LogEntry[] {
  const entries: LogEntry[] = [];
  for (let left = reader.readNumber(); left > 0; left -= 1) entries.push(readEntry(reader));
  return entries;
}

function entryByteLength(entry: LogEntry): number {
  const fixed = 1 + numberByteLength(entry.index) + numberByteLength(entry.term);
  switch (entry.type) {
    case 'noop':
      return fixed;
    case 'command':
      return fixed + numberByteLength(entry.data.length) + entry.data.length;
    case 'membership':
      return fixed + membershipByteLength(entry.membership);
    default:
      return assertNever(entry);
  }
}

function writeEntry(writer: ByteWriter, entry: LogEntry): void {
  writer.writeByte(entryTag[entry.type]);
  writer.writeNumber(entry.index);
  writer.writeNumber(entry.term);
  switch (entry.type) {
    case 'noop':
      return;
    case 'command':
      writer.writeBytes(entry.data);
      return;
    case 'membership':
      writeMembership(writer, entry.membership);
      return;
    default:
      assertNever(entry);
  }
}

function readEntry(reader: ByteReader): LogEntry {
  const tag = reader.readByte();
  const index = logIndex(reader.readNumber());
  const entryTerm = term(reader.readNumber());
  switch (tag) {
    case entryTag.noop:
      return { type: 'noop', index, term: entryTerm };
    case entryTag.command:
      return { type: 'command', index, term: entryTerm, data: reader.readBytes() };
    case entryTag.membership:
      return { type: 'membership', index, term: entryTerm, membership: readMembership(reader) };
    default:
      throw new CodecError(`unknown entry type ${tag}`);
  }
}
