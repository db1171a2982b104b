import type { KeyEvent } from './events.js';
import { contentOf } from './stored-record.js';
import { lengthOfValue, PREFIX_CHARACTERS, type StoredValue } from './stored-value.js';

const EVEN_FACTOR = 0x9e3779b1;
const ODD_FACTOR = 0x85ebca6b;
const FOLD_FACTOR = 0xc2b2ae35;
const TWO_POW_32 = 2 ** 32;

export type HashLanes = { readonly even: number; readonly odd: number };

const FIRST_LANES: HashLanes = { even: 0x243f6a88, odd: 0x85a308d3 };

/**
 * Rolling hash of everything that was applied, in two 32-bit lanes: equal on nodes that applied the same entries, and
 * so a cheap alarm when one of them went another way (FAILURE-MODES 34). Not made to withstand somebody who forges.
 */
export class StateHash {
  #even: number;
  #odd: number;

  /** @param lanes of a hash to go on from */
  constructor(lanes: HashLanes = FIRST_LANES) {
    this.#even = lanes.even;
    this.#odd = lanes.odd;
  }

  /** All there is to know to go on from here, each from 0 to 2^32 - 1. */
  get lanes(): HashLanes {
    return { even: this.#even >>> 0, odd: this.#odd >>> 0 };
  }

  mixWord(word: number): void {
    const even = Math.imul(this.#even ^ word, EVEN_FACTOR);
    const odd = Math.imul(this.#odd + word, ODD_FACTOR);
    this.#even = (even << 13) | (even >>> 19);
    this.#odd = ((odd << 15) | (odd >>> 17)) ^ even;
  }

  /** A whole number from 0 to 2^53. */
  mixNumber(value: number): void {
    this.mixWord(value | 0);
    if (value >= TWO_POW_32) this.mixWord(Math.floor(value / TWO_POW_32));
  }

  mixText(text: string): void {
    let word = text.length;
    for (let index = 0; index < text.length; index += 1) {
      if ((index & 3) === 0) {
        this.mixWord(word);
        word = 0;
      }
      word = (word << 8) ^ text.charCodeAt(index);
    }
    this.mixWord(word);
  }

  /** Eight bytes a step, four into each lane, so that the two multiplications run side by side. */
  mixBytes(bytes: Uint8Array): void {
    let even = this.#even;
    let odd = this.#odd;
    const wholeLength = bytes.length & ~7;
    for (let index = 0; index < wholeLength; index += 8) {
      even = Math.imul(even ^ littleEndianWord(bytes, index), EVEN_FACTOR);
      even = (even << 13) | (even >>> 19);
      odd = Math.imul(odd ^ littleEndianWord(bytes, index + 4), ODD_FACTOR);
      odd = (odd << 15) | (odd >>> 17);
    }
    this.#fold(even, odd);
    for (let index = wholeLength; index < bytes.length; index += 1) this.mixWord(bytes[index] ?? 0);
    this.mixWord(bytes.length);
  }

  /** The same as `mixBytes` of its bytes, without making them. */
  #mixValue(value: StoredValue): void {
    if (typeof value !== 'string') return this.mixBytes(value);
    const length = lengthOfValue(value);
    let even = this.#even;
    let odd = this.#odd;
    let code = PREFIX_CHARACTERS;
    for (let steps = length >>> 3; steps > 0; steps -= 1, code += 4) {
      even = Math.imul(even ^ (value.charCodeAt(code) | (value.charCodeAt(code + 1) << 16)), EVEN_FACTOR);
      even = (even << 13) | (even >>> 19);
      odd = Math.imul(odd ^ (value.charCodeAt(code + 2) | (value.charCodeAt(code + 3) << 16)), ODD_FACTOR);
      odd = (odd << 15) | (odd >>> 17);
    }
    this.#fold(even, odd);
    for (let rest = length & 7; rest > 0; rest -= 2, code += 1) {
      const pair = value.charCodeAt(code);
      this.mixWord(pair & 0xff);
      if (rest > 1) this.mixWord(pair >>> 8);
    }
    this.mixWord(length);
  }

  #fold(even: number, odd: number): void {
    this.#even = even ^ Math.imul(odd, FOLD_FACTOR);
    this.#odd = odd ^ Math.imul(this.#even, FOLD_FACTOR);
  }

  mixEvent(event: KeyEvent): void {
    if (event.type === 'delete') {
      this.mixWord(1);
      this.mixText(event.key);
      this.mixNumber(event.modRevision);
      return;
    }
    const { record } = event;
    this.mixWord(2);
    this.mixText(record.key);
    this.#mixValue(contentOf(record));
    this.mixNumber(record.createRevision);
    this.mixNumber(record.modRevision);
    this.mixNumber(record.version);
    this.mixNumber(record.updatedAtMs);
    this.mixText(record.leaseId ?? '');
  }

  /** 16 hex digits. */
  digest(): string {
    const even = avalanche(this.#even ^ Math.imul(this.#odd, FOLD_FACTOR));
    const odd = avalanche(this.#odd ^ Math.imul(even, FOLD_FACTOR));
    return hex(even) + hex(odd);
  }
}

/** Put together by hand: the same on a big-endian machine, and the bytes need not be aligned. */
function littleEndianWord(bytes: Uint8Array, index: number): number {
  return (
    (bytes[index] ?? 0) |
    ((bytes[index + 1] ?? 0) << 8) |
    ((bytes[index + 2] ?? 0) << 16) |
    ((bytes[index + 3] ?? 0) << 24)
  );
}

function avalanche(word: number): number {
  let mixed = Math.imul(word ^ (word >>> 16), ODD_FACTOR);
  mixed = Math.imul(mixed ^ (mixed >>> 13), FOLD_FACTOR);
  return mixed ^ (mixed >>> 16);
}

const hex = (word: number): string => (word >>> 0).toString(16).padStart(8, '0');
