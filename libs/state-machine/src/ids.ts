import type { Brand } from './brand.js';
import { invariant, StateInvariantViolation } from './invariant.js';

/**
 * A key: bytes, held as a string with one character (0–255) per byte, so that `<` on strings is the byte order.
 * Text becomes a key by way of its UTF-8 bytes, at the edge; plain ASCII text is its own key.
 */
export type Key = Brand<string, 'Key'>;
/** Store revision: 1 for the empty store, one more for every transaction that writes. */
export type Revision = Brand<number, 'Revision'>;
/** 16 lower-case hex digits of a positive 63-bit number (etcd's lease id), never all zero. */
export type LeaseId = Brand<string, 'LeaseId'>;

export function key(bytes: string): Key {
  invariant(bytes.length > 0, 'a key has at least one byte');
  return bytes as Key;
}

export function revision(value: number): Revision {
  if (Number.isSafeInteger(value) && value >= 0) return value as Revision;
  throw new StateInvariantViolation(`not a revision: ${value}`);
}

const LEASE_ID = /^[0-7][0-9a-f]{15}$/;

export function isLeaseId(text: string): text is LeaseId {
  return LEASE_ID.test(text) && text !== '0000000000000000';
}

export function leaseId(text: string): LeaseId {
  if (isLeaseId(text)) return text;
  throw new StateInvariantViolation(`not a lease id: ${JSON.stringify(text)}`);
}
