import { byteaArrayOf, byteaElements } from './binary-array.js';

const NO_KEY = new Uint8Array(0);

/**
 * Keys that are to be taken out of pages, a hundred thousand at once perhaps. Each part of them is encoded and compared when it
 * comes: all of them in one turn would keep the event loop from everything else for 75 ms on a busy machine.
 */
export class GoneKeys {
  readonly keys: Uint8Array[] = [];
  private readonly encoded: Buffer[] = [];
  private leastKey: Uint8Array = NO_KEY;
  private greatestKey: Uint8Array = NO_KEY;

  get least(): Uint8Array {
    return this.leastKey;
  }

  get greatest(): Uint8Array {
    return this.greatestKey;
  }

  add(keys: readonly Uint8Array[]): void {
    if (keys.length === 0) return;
    for (const key of keys) {
      if (this.keys.length === 0 || Buffer.compare(key, this.leastKey) < 0) this.leastKey = key;
      if (Buffer.compare(key, this.greatestKey) > 0) this.greatestKey = key;
      this.keys.push(key);
    }
    this.encoded.push(byteaElements(keys));
  }

  /** For a parameter `$n::bytea[]`. */
  toParameter(): Buffer {
    return byteaArrayOf(this.encoded, this.keys.length);
  }
}
