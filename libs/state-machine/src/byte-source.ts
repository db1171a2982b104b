import { LEASE_ID_BYTES } from './byte-sink.js';
import { isLeaseId, type LeaseId } from './ids.js';

const MAX_VARINT_BYTES = 8;
/** Values up to this size live inside their own small object; larger ones would each cost an array buffer. */
const SMALL_VALUE_BYTES = 64;
/** Values up to this size share copies of windows of the batch, and so keep at most one window alive each. */
const SHARED_VALUE_BYTES = 512;
const WINDOW_BYTES = 2_048;
const NO_BYTES = new Uint8Array(0);

/** Bytes that are no batch, whoever made them. In `apply` this is a refusal. */
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
    if (value === undefined) throw new MalformedCommandBatch('the batch ends too early');
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

  leaseId(): LeaseId {
    this.#require(LEASE_ID_BYTES);
    const digits = digitsOfLength(LEASE_ID_BYTES * 2);
    for (let index = 0; index < LEASE_ID_BYTES; index += 1) {
      const byte = this.#bytes[this.#position + index] ?? 0;
      digits[index * 2] = hexCode(byte >>> 4);
      digits[index * 2 + 1] = hexCode(byte & 15);
    }
    this.#position += LEASE_ID_BYTES;
    const text = String.fromCharCode(...digits);
    if (!isLeaseId(text)) throw new MalformedCommandBatch(`not a lease id: ${text}`);
    return text;
  }

  text({ minLength, maxLength }: { readonly minLength: number; readonly maxLength: number }): string {
    const length = this.varint();
    if (length < minLength || length > maxLength) {
      throw new MalformedCommandBatch(`a text of ${length} bytes, not ${minLength} to ${maxLength}`);
    }
    this.#require(length);
    const codes = digitsOfLength(length);
    for (let index = 0; index < length; index += 1) codes[index] = this.#bytes[this.#position + index] ?? 0;
    this.#position += length;
    return String.fromCharCode(...codes);
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
    if (length > this.remaining) throw new MalformedCommandBatch('the batch ends too early');
  }
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
