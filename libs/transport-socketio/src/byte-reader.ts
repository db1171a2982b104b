import { maxNumberBytes } from './byte-writer.js';
import { CodecError } from './codec-error.js';

/** Reads what `ByteWriter` wrote. Every read is checked against the end of the buffer. */
export class ByteReader {
  #offset = 0;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#offset === this.#bytes.length;
  }

  /** @throws CodecError at the end */
  readByte(): number {
    const byte = this.#bytes[this.#offset];
    if (byte === undefined) throw new CodecError(`frame ends early, at byte ${this.#offset}`);
    this.#offset += 1;
    return byte;
  }

  /** @throws CodecError for anything but 0 and 1 */
  readBoolean(): boolean {
    const byte = this.readByte();
    if (byte > 1) throw new CodecError(`not a boolean: ${byte}`);
    return byte === 1;
  }

  /** @throws CodecError above 2^53 - 1 */
  readNumber(): number {
    let value = 0;
    let scale = 1;
    for (let count = 0; count < maxNumberBytes; count += 1) {
      const byte = this.readByte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        if (value > Number.MAX_SAFE_INTEGER) throw new CodecError('number above 2^53 - 1');
        return value;
      }
      scale *= 0x80;
    }
    throw new CodecError('number longer than 8 bytes');
  }

  /** A view of the frame, not a copy. @throws CodecError when the length goes over the end */
  readBytes(): Uint8Array {
    const byteLength = this.readNumber();
    if (byteLength > this.#bytes.length - this.#offset) {
      throw new CodecError(`field of ${byteLength} bytes goes over the end of the frame`);
    }
    const start = this.#bytes.byteOffset + this.#offset;
    this.#offset += byteLength;
    return new Uint8Array(this.#bytes.buffer, start, byteLength);
  }
}
