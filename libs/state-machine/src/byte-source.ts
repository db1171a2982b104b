import { LEASE_ID_BYTES } from './byte-sink.js';
import { isLeaseId, type LeaseId } from './ids.js';

const MAX_VARINT_BYTES = 8;
const TWO_POW_32 = 2 ** 32;
/** Values up to this size live inside their own small object; larger ones would each cost an array buffer. */
export const SMALL_VALUE_BYTES = 64;
/** Values up to this size share copies of windows of the batch, and so keep at most one window alive each. */
export const SHARED_VALUE_BYTES = 4_096;
export const WINDOW_BYTES = 16_384;
const NO_BYTES = new Uint8Array(0);

/** Bytes that are not the encoding they should be, whoever made them. In `apply` this is a refusal. */
export class MalformedCommandBatch extends Error {
  override readonly name = 'MalformedCommandBatch';
}

/** Reads an encoding from front to back and refuses everything that is not exactly one. */
export class ByteSource {
  readonly #bytes: Uint8Array;
  #position = 0;
  /** A copy of the batch from `#windowStart` on. */
  #window = NO_BYTES;
  #windowStart = 0;

  constructor(bytes: Uint8Array) {
    // A plain Uint8Array, whatever came: `slice` of a Node Buffer is a view and would keep the whole entry alive.
    this.#bytes = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get remaining(): number {
    return this.#bytes.length - this.#position;
  }

  byte(): number {
    const value = this.#bytes[this.#position];
    if (value === undefined) throw new MalformedCommandBatch('the bytes end too early');
    this.#position += 1;
    return value;
  }

  /** See `ByteSink.varint`; only the shortest form is taken. */
  varint(): number {
    let byte = this.byte();
    if (byte < 0x80) return byte;
    let value = byte & 0x7f;
    let scale = 0x80;
    for (let count = 1; count < MAX_VARINT_BYTES; count += 1, scale *= 0x80) {
      byte = this.byte();
      value += (byte & 0x7f) * scale;
      if (byte >= 0x80) continue;
      if (byte === 0 || value > Number.MAX_SAFE_INTEGER) break;
      return value;
    }
    throw new MalformedCommandBatch('not a number in its shortest form');
  }

  uint16(): number {
    return (this.byte() << 8) | this.byte();
  }

  uint32(): number {
    this.#require(4);
    this.#position += 4;
    return uint32At(this.#bytes, this.#position - 4);
  }

  uint64(): number {
    this.#require(8);
    this.#position += 8;
    return uint64At(this.#bytes, this.#position - 8);
  }

  leaseId(): LeaseId {
    this.#require(LEASE_ID_BYTES);
    this.#position += LEASE_ID_BYTES;
    return leaseIdAt(this.#bytes, this.#position - LEASE_ID_BYTES);
  }

  text({ minLength, maxLength }: { readonly minLength: number; readonly maxLength: number }): string {
    const length = this.varint();
    if (length < minLength || length > maxLength) {
      throw new MalformedCommandBatch(`a text of ${length} bytes, not ${minLength} to ${maxLength}`);
    }
    this.#require(length);
    this.#position += length;
    return textAt(this.#bytes, this.#position - length, length);
  }

  /** A copy, or a view of a small one that neighbouring values share. */
  bytes(): Uint8Array {
    const length = this.varint();
    this.#require(length);
    const start = this.#position;
    this.#position += length;
    if (length === 0) return NO_BYTES;
    if (length <= SMALL_VALUE_BYTES || length > SHARED_VALUE_BYTES) return this.#bytes.slice(start, start + length);
    if (start + length > this.#windowStart + this.#window.length) {
      this.#window = this.#bytes.slice(start, start + WINDOW_BYTES);
      this.#windowStart = start;
    }
    return new Uint8Array(this.#window.buffer, start - this.#windowStart, length);
  }

  #require(length: number): void {
    if (length > this.remaining) throw new MalformedCommandBatch('the bytes end too early');
  }
}

/** Four bytes, high ones first. The caller has seen that they are there, as for the three below. */
export const uint32At = (bytes: Uint8Array, index: number): number =>
  (((bytes[index] ?? 0) << 24) |
    ((bytes[index + 1] ?? 0) << 16) |
    ((bytes[index + 2] ?? 0) << 8) |
    (bytes[index + 3] ?? 0)) >>>
  0;

/** See `ByteWriter.uint64`. @throws MalformedCommandBatch above 2^53 - 1 */
export function uint64At(bytes: Uint8Array, index: number): number {
  const value = uint32At(bytes, index) * TWO_POW_32 + uint32At(bytes, index + 4);
  if (value > Number.MAX_SAFE_INTEGER) throw new MalformedCommandBatch('a number above 2^53');
  return value;
}

/** @throws MalformedCommandBatch when the eight bytes are no lease id */
export function leaseIdAt(bytes: Uint8Array, start: number): LeaseId {
  const digits = digitsOfLength(LEASE_ID_BYTES * 2);
  for (let index = 0; index < LEASE_ID_BYTES; index += 1) {
    const byte = bytes[start + index] ?? 0;
    digits[index * 2] = hexCode(byte >>> 4);
    digits[index * 2 + 1] = hexCode(byte & 15);
  }
  const text = String.fromCharCode(...digits);
  if (!isLeaseId(text)) throw new MalformedCommandBatch(`not a lease id: ${text}`);
  return text;
}

/** One character per byte. */
export function textAt(bytes: Uint8Array, start: number, length: number): string {
  const codes = digitsOfLength(length);
  for (let index = 0; index < length; index += 1) codes[index] = bytes[start + index] ?? 0;
  return String.fromCharCode(...codes);
}

/** One scratch array per length: a string made from an array of known length costs half of one that is put together. */
const scratch: number[][] = [];

function digitsOfLength(length: number): number[] {
  let codes = scratch[length];
  if (codes === undefined) {
    codes = Array.from({ length }, () => 0);
    scratch[length] = codes;
  }
  return codes;
}

const hexCode = (digit: number): number => (digit < 10 ? digit + 48 : digit + 87);
