import { SHARED_VALUE_BYTES, SMALL_VALUE_BYTES, WINDOW_BYTES } from './byte-source.js';

const NO_BYTES = new Uint8Array(0);

/**
 * Arrays for byte strings that come one after the other: neighbours of middle size share a window, as in
 * `ByteSource.bytes`, since an array buffer for each would cost more than the bytes in it. Whoever keeps one of them
 * holds on to one window at most.
 */
export class BytePool {
  #window = NO_BYTES;
  #used = 0;

  /** All zeros. */
  take(size: number): Uint8Array {
    if (size <= SMALL_VALUE_BYTES || size > SHARED_VALUE_BYTES) return size === 0 ? NO_BYTES : new Uint8Array(size);
    if (this.#used + size > this.#window.length) {
      this.#window = new Uint8Array(WINDOW_BYTES);
      this.#used = 0;
    }
    const bytes = new Uint8Array(this.#window.buffer, this.#used, size);
    this.#used += size;
    return bytes;
  }
}
