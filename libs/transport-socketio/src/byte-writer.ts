import { invariant } from '@latchkey/raft';

/** A natural number up to 2^53 - 1 takes one byte per started 7 bits. */
export const maxNumberBytes = 8;

/** How many bytes `writeNumber` will use. */
export function numberByteLength(value: number): number {
  let byteLength = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) byteLength += 1;
  return byteLength;
}

/** Writes into a buffer of fixed size; the caller has computed the size, so running over is a bug. */
export class ByteWriter {
  #offset = 0;
  readonly #buffer: Buffer;

  constructor(byteLength: number) {
    this.#buffer = Buffer.allocUnsafe(byteLength);
  }

  writeByte(value: number): void {
    this.#buffer[this.#offset++] = value;
  }

  writeBoolean(value: boolean): void {
    this.writeByte(value ? 1 : 0);
  }

  /** Least significant 7 bits first, the top bit says that more follow (LEB128). */
  writeNumber(value: number): void {
    // The message is built only for a bug: this runs several times per log entry.
    if (!Number.isSafeInteger(value) || value < 0) invariant(false, `not a natural number: ${value}`);
    let rest = value;
    while (rest >= 0x80) {
      this.#buffer[this.#offset++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.#buffer[this.#offset++] = rest;
  }

  writeBytes(bytes: Uint8Array): void {
    this.writeNumber(bytes.length);
    this.#buffer.set(bytes, this.#offset);
    this.#offset += bytes.length;
  }

  writeAscii(text: string): void {
    this.writeNumber(text.length);
    this.#offset += this.#buffer.write(text, this.#offset, 'latin1');
  }

  /** What was written. */
  finish(): Buffer {
    // Writes past the end of a typed array are ignored silently, so the offset is the witness.
    invariant(this.#offset <= this.#buffer.length, 'a message grew over its computed size');
    return this.#buffer.subarray(0, this.#offset);
  }
}
