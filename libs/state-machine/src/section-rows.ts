import { ByteWriter, LEASE_ID_BYTES } from './byte-sink.js';
import { ByteSource, MalformedCommandBatch } from './byte-source.js';
import { checkRows } from './corrupt-state-rows.js';
import { revision, type LeaseId, type Revision } from './ids.js';
import type { HashLanes } from './state-hash.js';
import { ROW_FORMAT, SECTIONS, type StateRow } from './state-rows.js';

const NUMBER_BYTES = 8;
const META_BYTES = 41;

/** Where an entry stands in the log. */
export type AppliedPosition = { readonly index: number; readonly term: number };

/** What of the state is in no other section. */
export type StateMeta = {
  /** The last entry applied. */
  readonly position: AppliedPosition;
  readonly revision: Revision;
  readonly compactRevision: Revision;
  readonly hash: HashLanes;
};

/** What a lease's row says. */
export type LeaseTerms = { readonly ttlMs: number; readonly remainingTtlMs: number | null };

export function metaRow(meta: StateMeta): StateRow {
  const writer = new ByteWriter(META_BYTES);
  writer.byte(ROW_FORMAT);
  writer.uint64(meta.position.index);
  writer.uint64(meta.position.term);
  writer.uint64(meta.revision);
  writer.uint64(meta.compactRevision);
  writer.uint32(meta.hash.even);
  writer.uint32(meta.hash.odd);
  return { key: Uint8Array.of(SECTIONS.meta), value: writer.finish() };
}

/** @throws CorruptStateRows or MalformedCommandBatch */
export function decodeMeta({ key, value }: StateRow): StateMeta {
  checkRows(key.length === 1, 'the key of the meta row is too long');
  return decodeWhole(value, (source) => {
    const format = source.byte();
    checkRows(format === ROW_FORMAT, `rows of format ${format}; this program reads ${ROW_FORMAT}`);
    return {
      position: { index: source.uint64(), term: source.uint64() },
      revision: revision(source.uint64()),
      compactRevision: revision(source.uint64()),
      hash: { even: source.uint32(), odd: source.uint32() },
    };
  });
}

/** Key of a lease or of a session. */
export function leaseKey(section: number, leaseId: LeaseId): Uint8Array {
  const writer = new ByteWriter(1 + LEASE_ID_BYTES);
  writer.byte(section);
  writer.leaseId(leaseId);
  return writer.finish();
}

/** @throws MalformedCommandBatch */
export const decodeLeaseKey = (key: Uint8Array): LeaseId =>
  decodeWhole(key, (source) => {
    source.byte();
    return source.leaseId();
  });

/** Key of an ended lease, and prefix of the keys of an idempotency key's parts. */
export function numberedKey(section: number, number: number): Uint8Array {
  const writer = new ByteWriter(1 + NUMBER_BYTES);
  writer.byte(section);
  writer.uint64(number);
  return writer.finish();
}

/** @throws MalformedCommandBatch */
export const decodeNumberedKey = (key: Uint8Array): number => decodeWhole(key, decodeNumber);

/** The number in a `numberedKey`. @throws MalformedCommandBatch */
export function decodeNumber(source: ByteSource): number {
  source.byte();
  return source.uint64();
}

/** Prefix of the keys of a session outcome's parts. */
export function outcomePrefix(leaseId: LeaseId, sequence: number): Uint8Array {
  const writer = new ByteWriter(1 + LEASE_ID_BYTES + NUMBER_BYTES);
  writer.byte(SECTIONS.sessionOutcomes);
  writer.leaseId(leaseId);
  writer.uint64(sequence);
  return writer.finish();
}

export function leaseValue({ ttlMs, remainingTtlMs }: LeaseTerms): Uint8Array {
  const writer = new ByteWriter(remainingTtlMs === null ? NUMBER_BYTES : 2 * NUMBER_BYTES);
  writer.uint64(ttlMs);
  if (remainingTtlMs !== null) writer.uint64(remainingTtlMs);
  return writer.finish();
}

/** @throws MalformedCommandBatch */
export const decodeLeaseValue = (value: Uint8Array): LeaseTerms =>
  decodeWhole(value, (source) => ({
    ttlMs: source.uint64(),
    remainingTtlMs: source.remaining === 0 ? null : source.uint64(),
  }));

export function leaseIdValue(leaseId: LeaseId): Uint8Array {
  const writer = new ByteWriter(LEASE_ID_BYTES);
  writer.leaseId(leaseId);
  return writer.finish();
}

/** @throws MalformedCommandBatch */
export const decodeLeaseIdValue = (value: Uint8Array): LeaseId => decodeWhole(value, (source) => source.leaseId());

export function numberValue(number: number): Uint8Array {
  const writer = new ByteWriter(NUMBER_BYTES);
  writer.uint64(number);
  return writer.finish();
}

/** @throws MalformedCommandBatch */
export const decodeNumberValue = (value: Uint8Array): number => decodeWhole(value, (source) => source.uint64());

/** Decodes bytes that must end where the encoding does. */
export function decodeWhole<Decoded>(bytes: Uint8Array | ByteSource, decode: (source: ByteSource) => Decoded): Decoded {
  const source = bytes instanceof ByteSource ? bytes : new ByteSource(bytes);
  const decoded = decode(source);
  if (source.remaining > 0) throw new MalformedCommandBatch(`${source.remaining} bytes too many`);
  return decoded;
}
