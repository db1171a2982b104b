import { MAX_KEY_BYTES, MAX_OWNER_CHARACTERS, MAX_QUEUE_NAME_BYTES } from '../limits.js';
import { refuse, refuseTooLarge } from './invalid-request.js';

/** Something that came off the wire and is an object with named fields, nothing more. */
export type Fields = Readonly<Record<string, unknown>>;

const LEASE_ID = /^[0-7][0-9a-f]{15}$/;
/** Half a character: has no UTF-8 form. */
const LONE_SURROGATE = /\p{Surrogate}/u;
const NO_LEASE = '0000000000000000';
/** A UTF-16 unit is at most this many bytes in UTF-8. */
const MAX_UTF8_BYTES_PER_UNIT = 3;

export const isLeaseIdText = (value: unknown): value is string =>
  typeof value === 'string' && LEASE_ID.test(value) && value !== NO_LEASE;

export function checkObject(value: unknown, field: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Uint8Array)
    refuse(field, 'must be an object');
  // An object that is no array and no byte string has named fields of unknown type.
  return value as Fields;
}

/** @throws InvalidRequest naming the first field that is not in `allowed` */
export function checkNoOthers(fields: Fields, allowed: ReadonlySet<string>, path: string): void {
  for (const name of Object.keys(fields)) if (!allowed.has(name)) refuse(`${path}${printable(name)}`, 'unknown field');
}

export function checkText(value: unknown, field: string, maxBytes: number): asserts value is string {
  if (typeof value !== 'string') refuse(field, 'must be text');
  if (value.length * MAX_UTF8_BYTES_PER_UNIT > maxBytes && utf8ByteCount(value, maxBytes) > maxBytes)
    refuse(field, `must not be longer than ${maxBytes} bytes in UTF-8`);
  if (LONE_SURROGATE.test(value)) refuse(field, 'must be well-formed text');
}

export function checkKey(value: unknown, field: string): asserts value is string {
  checkText(value, field, MAX_KEY_BYTES);
  if (value === '') refuse(field, 'must not be empty');
}

export function checkQueueName(value: unknown, field: string): asserts value is string {
  checkText(value, field, MAX_QUEUE_NAME_BYTES);
  if (value === '') refuse(field, 'must not be empty');
}

export function checkLeaseId(value: unknown, field: string): asserts value is string {
  if (!isLeaseIdText(value)) refuse(field, 'must be a lease id: 16 lower-case hex digits of a positive 63-bit number');
}

export function checkBytes(value: unknown, field: string, maxBytes: number): asserts value is Uint8Array {
  if (!(value instanceof Uint8Array)) refuse(field, 'must be bytes');
  if (value.byteLength > maxBytes) refuseTooLarge(field, `must not be larger than ${maxBytes} bytes`);
}

export function checkInteger(
  value: unknown,
  field: string,
  range: { readonly min: number; readonly max: number },
): void {
  if (!Number.isSafeInteger(value)) refuse(field, 'must be an integer');
  if (Number(value) < range.min || Number(value) > range.max)
    refuse(field, `must be between ${range.min} and ${range.max}`);
}

const REVISIONS = { min: 0, max: Number.MAX_SAFE_INTEGER };
const POSITIVE = { min: 1, max: Number.MAX_SAFE_INTEGER };

/** 0 or more. */
export const checkCount = (value: unknown, field: string): void => checkInteger(value, field, REVISIONS);
/** A revision that exists or may come to exist: 1 or more. */
export const checkPositive = (value: unknown, field: string): void => checkInteger(value, field, POSITIVE);

export function checkBoolean(value: unknown, field: string): void {
  if (typeof value !== 'boolean') refuse(field, 'must be true or false');
}

export function checkOneOf(value: unknown, field: string, allowed: readonly string[]): void {
  if (typeof value !== 'string' || !allowed.includes(value)) refuse(field, `must be one of ${allowed.join(', ')}`);
}

/** Any JSON, small enough to be shown to whoever inspects a lock. */
export function checkOwner(value: unknown, field: string): void {
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch {
    refuse(field, 'must be JSON');
  }
  if (text === undefined) refuse(field, 'must be JSON');
  if (text.length > MAX_OWNER_CHARACTERS)
    refuseTooLarge(field, `must not be longer than ${MAX_OWNER_CHARACTERS} characters as JSON`);
}

/** Stops counting soon after `limit`: a megabyte of text is not worth reading to its end to be refused. */
function utf8ByteCount(text: string, limit: number): number {
  let count = 0;
  for (let index = 0; index < text.length && count <= limit; index += 1) {
    const unit = text.charCodeAt(index);
    if (unit < 0x80) count += 1;
    else if (unit < 0x800) count += 2;
    else if (unit >= 0xd800 && unit <= 0xdbff) {
      count += 4;
      index += 1;
    } else count += 3;
  }
  return count;
}

const MAX_SHOWN_CHARACTERS = 64;

/** A name that a stranger chose, fit for a message. */
function printable(name: string): string {
  const shown = name.length > MAX_SHOWN_CHARACTERS ? `${name.slice(0, MAX_SHOWN_CHARACTERS)}…` : name;
  return /^[\w.-]+$/.test(shown) ? shown : JSON.stringify(shown);
}
