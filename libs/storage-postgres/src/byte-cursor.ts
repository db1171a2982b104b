import { LogStoreError } from '@latchkey/replica';

const PAYLOAD_BITS = 0x7f;
const MORE = 0x80;
const STEP = 128;

/** How many bytes `writeVarint` takes for a natural number. */
export function varintByteLength(value: number): number {
  let byteLength = 1;
  for (let rest = value; rest >= STEP; rest = Math.floor(rest / STEP)) byteLength += 1;
  return byteLength;
}

/** Seven bits a byte, lowest first, up to 2^53 - 1: division, since bit operators stop at 32 bits. @returns the offset behind it */
export function writeVarint(target: Uint8Array, offset: number, value: number): number {
  let position = offset;
  let rest = value;
  for (; rest >= STEP; rest = Math.floor(rest / STEP)) target[position++] = (rest % STEP) | MORE;
  target[position++] = rest;
  return position;
}

/** Reads what was written above, from front to back. Every read throws `corrupt` rather than go past the end. */
export class ByteCursor {
  private offset = 0;

  constructor(private readonly bytes: Uint8Array) {}

  get isAtEnd(): boolean {
    return this.offset === this.bytes.length;
  }

  readByte(): number {
    const byte = this.bytes[this.offset];
    if (byte === undefined) throw new LogStoreError('corrupt', 'the bytes end too early');
    this.offset += 1;
    return byte;
  }

  readVarint(): number {
    let value = 0;
    for (let factor = 1; ; factor *= STEP) {
      const byte = this.readByte();
      value += (byte & PAYLOAD_BITS) * factor;
      if (!Number.isSafeInteger(value)) throw new LogStoreError('corrupt', 'a number is beyond 2^53');
      if ((byte & MORE) === 0) return value;
    }
  }

  /** A view, not a copy. */
  readBytes(byteLength: number): Uint8Array {
    const end = this.offset + byteLength;
    if (end > this.bytes.length) throw new LogStoreError('corrupt', 'the bytes end too early');
    const view = this.bytes.subarray(this.offset, end);
    this.offset = end;
    return view;
  }
}
