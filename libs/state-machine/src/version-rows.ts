import type { BytePool } from './byte-pool.js';
import type { ColdRecord } from './cold-record.js';
import { ByteWriter, LEASE_ID_BYTES } from './byte-sink.js';
import { leaseIdAt, textAt, uint32At, uint64At } from './byte-source.js';
import { checkRows } from './corrupt-state-rows.js';
import { key, revision, type Key, type Revision } from './ids.js';
import { invariant } from './invariant.js';
import type { ColdKeyRecord, KeyRecord } from './key-record.js';
import { isRecord, isTombstone, type KeyVersion } from './key-history.js';
import { MAX_KEY_BYTES } from './limits.js';
import { SECTIONS, type StateRow } from './state-rows.js';
import { StoredRecord } from './stored-record.js';
import { lengthOfValue, packValue } from './stored-value.js';

/** What tells a version from all others. */
export type VersionId = { readonly modRevision: Revision; readonly key: Key };
export type PlacedVersion = { readonly version: VersionWithValue; readonly position: number };
export type VersionWithValue = Exclude<KeyVersion, ColdRecord>;

/** Where the parts of key and value begin. */
const KEY_OFFSETS = { modRevision: 1, key: 9 } as const;
const OFFSETS = {
  flags: 0,
  position: 1,
  updatedAtMs: 5,
  createRevision: 13,
  version: 21,
  leaseId: 29,
  value: 37,
} as const;
/** A deletion ends where a record's own parts begin. */
const DELETION_BYTES = OFFSETS.createRevision;
const FLAGS = { record: 0, deletion: 1 } as const;
const NO_LEASE = new Uint8Array(LEASE_ID_BYTES);

export function versionKey({ modRevision, key }: VersionId): Uint8Array {
  const writer = new ByteWriter(KEY_OFFSETS.key + key.length);
  writer.byte(SECTIONS.versions);
  writer.uint64(modRevision);
  writer.restText(key);
  return writer.finish();
}

export function versionRow(
  { version, position }: { readonly version: KeyVersion; readonly position: number },
  pool: BytePool,
): StateRow {
  invariant(version.content !== undefined, 'a version is cold that is in no row yet');
  const record = isRecord(version) ? version : null;
  const size = record === null ? DELETION_BYTES : OFFSETS.value + lengthOfValue(record.content);
  const writer = new ByteWriter(pool.take(size));
  writer.byte(record === null ? FLAGS.deletion : FLAGS.record);
  writer.uint32(position);
  writer.uint64(version.updatedAtMs);
  if (record !== null) {
    writer.uint64(record.createRevision);
    writer.uint64(record.version);
    if (record.leaseId === null) writer.rest(NO_LEASE);
    else writer.leaseId(record.leaseId);
    writer.restValue(record.content);
  }
  return { key: versionKey(version), value: writer.finish() };
}

/** @throws CorruptStateRows or MalformedCommandBatch */
export function decodeVersionRow(row: StateRow): PlacedVersion {
  const bytes = row.value;
  const keyLength = row.key.length - KEY_OFFSETS.key;
  checkRows(keyLength > 0 && keyLength <= MAX_KEY_BYTES, `a version of a key of ${keyLength} bytes`);
  const modRevision = revision(uint64At(row.key, KEY_OFFSETS.modRevision));
  const name = key(textAt(row.key, KEY_OFFSETS.key, keyLength));
  const isDeletion = bytes[OFFSETS.flags] === FLAGS.deletion;
  checkRows(isDeletion || bytes[OFFSETS.flags] === FLAGS.record, `unknown flags of a version at ${modRevision}`);
  const hasRightLength = isDeletion ? bytes.length === DELETION_BYTES : bytes.length >= OFFSETS.value;
  checkRows(hasRightLength, `a version of ${bytes.length} bytes at ${modRevision}`);
  const position = uint32At(bytes, OFFSETS.position);
  const updatedAtMs = uint64At(bytes, OFFSETS.updatedAtMs);
  if (isDeletion) return { version: { key: name, content: null, modRevision, updatedAtMs }, position };
  const version = new StoredRecord({
    key: name,
    content: packValue(bytes, OFFSETS.value),
    createRevision: revision(uint64At(bytes, OFFSETS.createRevision)),
    modRevision,
    version: uint64At(bytes, OFFSETS.version),
    leaseId: hasLease(bytes) ? leaseIdAt(bytes, OFFSETS.leaseId) : null,
    updatedAtMs,
  });
  return { version, position };
}

/**
 * The record again, by what is in its row.
 * @throws CorruptStateRows when that is the row of another version
 */
export function recordOfRow(cold: ColdKeyRecord, value: Uint8Array): KeyRecord {
  const { version } = decodeVersionRow({ key: versionKey(cold), value });
  const { modRevision } = cold;
  checkRows(!isTombstone(version), `the row of a version at ${modRevision} says that it is a deletion`);
  const isSame =
    version.createRevision === cold.createRevision &&
    version.version === cold.version &&
    version.leaseId === cold.leaseId &&
    version.updatedAtMs === cold.updatedAtMs &&
    lengthOfValue(version.content) === cold.valueBytes;
  checkRows(isSame, `the row of a version at ${modRevision} is not what was written`);
  return version;
}

/** Of a version's row without the rest: its key, and whether it is attached to a lease. @throws CorruptStateRows */
export function attachmentOf({ key, value }: StateRow): { readonly key: string; readonly isAttached: boolean } {
  const keyLength = key.length - KEY_OFFSETS.key;
  checkRows(keyLength > 0 && keyLength <= MAX_KEY_BYTES, `a version of a key of ${keyLength} bytes`);
  const isRecordRow = value[OFFSETS.flags] === FLAGS.record && value.length >= OFFSETS.value;
  return { key: textAt(key, KEY_OFFSETS.key, keyLength), isAttached: isRecordRow && hasLease(value) };
}

const hasLease = (value: Uint8Array): boolean =>
  uint32At(value, OFFSETS.leaseId) !== 0 || uint32At(value, OFFSETS.leaseId + 4) !== 0;
