import type { LeaseId } from './ids.js';
import { invariant, StateInvariantViolation } from './invariant.js';
import { copyValue, lengthOfValue, type StoredValue } from './stored-value.js';

export const LEASE_ID_BYTES = 8;
const VARINT_STEP = 0x80;
const TWO_POW_32 = 2 ** 32;

/** Takes the parts of an encoding: the counter to learn the size, then the writer to fill exactly that. */
export interface ByteSink {
  byte(value: number): void;
  /** A whole number from 0 to 2^53 - 1: seven bits a byte, low ones first, as few bytes as possible. */
  varint(value: number): void;
  leaseId(leaseId: LeaseId): void;
  /** Length, then one byte per character. */
  text(text: string): void;
  /** Length, then the bytes. */
  bytes(bytes: Uint8Array): void;
}

export class ByteCounter implements ByteSink {
  #size = 0;

  get size(): number {
    return this.#size;
  }

  byte(): void {
    this.#size += 1;
  }

  varint(value: number): void {
    this.#size += varintSize(value);
  }

  leaseId(): void {
    this.#size += LEASE_ID_BYTES;
  }

  text(text: string): void {
    this.#size += varintSize(text.length) + text.length;
  }

  bytes(bytes: Uint8Array): void {
    this.#size += varintSize(bytes.length) + bytes.length;
  }
}

export class ByteWriter implements ByteSink {
  readonly #target: Uint8Array;
  #position = 0;

  /** @param target of exactly the size that is needed, or that size */
  constructor(target: number | Uint8Array) {
    this.#target = typeof target === 'number' ? new Uint8Array(target) : target;
  }

  /** @throws StateInvariantViolation when the counter counted something else. */
  finish(): Uint8Array {
    invariant(this.#position === this.#target.length, 'an encoding has the size that was counted');
    return this.#target;
  }

  byte(value: number): void {
    this.#target[this.#position] = value;
    this.#position += 1;
  }

  varint(value: number): void {
    let rest = value;
    while (rest >= VARINT_STEP) {
      this.byte((rest % VARINT_STEP) | VARINT_STEP);
      rest = Math.floor(rest / VARINT_STEP);
    }
    this.byte(rest);
  }

  leaseId(leaseId: LeaseId): void {
    for (let index = 0; index < leaseId.length; index += 2) {
      this.byte((hexDigit(leaseId.charCodeAt(index)) << 4) | hexDigit(leaseId.charCodeAt(index + 1)));
    }
  }

  uint16(value: number): void {
    this.byte((value >>> 8) & 0xff);
    this.byte(value & 0xff);
  }

  uint32(value: number): void {
    this.uint16(value >>> 16);
    this.uint16(value & 0xffff);
  }

  /** A whole number from 0 to 2^53 - 1 in eight bytes, high ones first: in byte order as in number order. */
  uint64(value: number): void {
    if (!isNatural(value)) refuseNumber(value);
    this.uint32(Math.floor(value / TWO_POW_32));
    this.uint32(value % TWO_POW_32);
  }

  text(text: string): void {
    this.varint(text.length);
    this.restText(text);
  }

  /** One byte per character, for a text that ends with the encoding. */
  restText(text: string): void {
    let seen = 0;
    for (let index = 0; index < text.length; index += 1) {
      const code = text.charCodeAt(index);
      seen |= code;
      this.#target[this.#position + index] = code;
    }
    // As for numbers.
    if (seen > 0xff) {
      throw new StateInvariantViolation(`a text of bytes holds a character above 255: ${JSON.stringify(text)}`);
    }
    this.#position += text.length;
  }

  bytes(bytes: Uint8Array): void {
    this.varint(bytes.length);
    this.rest(bytes);
  }

  /** The bytes alone, for those that end with the encoding. */
  rest(bytes: Uint8Array): void {
    this.#target.set(bytes, this.#position);
    this.#position += bytes.length;
  }

  /** The bytes alone of a value of the store. */
  restValue(value: StoredValue): void {
    copyValue(value, this.#target, this.#position);
    this.#position += lengthOfValue(value);
  }
}

export function varintSize(value: number): number {
  if (!isNatural(value)) refuseNumber(value);
  let size = 1;
  for (let rest = value; rest >= VARINT_STEP; rest = Math.floor(rest / VARINT_STEP)) size += 1;
  return size;
}

const isNatural = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;

/** Apart, so that the message is not put together for every number that is right. */
function refuseNumber(value: number): never {
  throw new StateInvariantViolation(`not a whole number from 0 to 2^53: ${value}`);
}

/** Of a lower-case hex digit's character code. */
const hexDigit = (code: number): number => (code <= 57 ? code - 48 : code - 87);
