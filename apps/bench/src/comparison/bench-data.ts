export const VALUE_BYTES = 256;
export const KEY_COUNT = 10_000;

/** A value that tells which write it came from. */
export function valueOf(write: number): Uint8Array {
  const value = Buffer.alloc(VALUE_BYTES, 0x61);
  value.writeUInt32LE(write);
  return value;
}

/** @throws when it is not a value of `valueOf` */
export function writeOf(value: Uint8Array | null): number {
  if (value === null) throw new Error('a key that was written is not there');
  if (value.length !== VALUE_BYTES) throw new Error(`a value has ${value.length} bytes instead of ${VALUE_BYTES}`);
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength).readUInt32LE();
}

/** Keys that are written one after the other, round and round, and what was last written to each. */
export class KeySpace {
  readonly #lastWrites: number[] = [];
  #writes = 0;

  constructor(
    private readonly prefix: string,
    readonly count: number,
  ) {}

  /** How many keys have been written at least once. */
  get filled(): number {
    return this.#lastWrites.length;
  }

  /** The next key to write, and its value. Sent but not answered for is as good as written: nobody else writes here. */
  next(): { readonly key: string; readonly value: Uint8Array } {
    const write = this.#writes++;
    const position = write % this.count;
    this.#lastWrites[position] = write;
    return { key: this.keyAt(position), value: valueOf(write) };
  }

  /** By whatever number; beyond the last key it begins anew. */
  keyAt(position: number): string {
    return `${this.prefix}/${position % this.count}`;
  }

  /** @throws when `value` is not what was last written to the key there */
  check(position: number, value: Uint8Array | null): void {
    const expected = this.#lastWrites[position % this.count];
    const found = writeOf(value);
    if (found !== expected) throw new Error(`${this.keyAt(position)} has write ${found} instead of ${expected}`);
  }
}
