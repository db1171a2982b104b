import { describe, expect, it } from 'vitest';
import { BytePool } from './byte-pool.js';
import { SHARED_VALUE_BYTES, SMALL_VALUE_BYTES, WINDOW_BYTES } from './byte-source.js';

const SIZES = [0, 1, SMALL_VALUE_BYTES, SMALL_VALUE_BYTES + 1, 300, SHARED_VALUE_BYTES, SHARED_VALUE_BYTES + 1];
const ROUNDS = 20;

describe('byte pool', () => {
  it('gives arrays of every size, none over another, that hold on to one window at most', () => {
    const pool = new BytePool();
    const originals = Array.from({ length: ROUNDS * SIZES.length }, (_, index) =>
      new Uint8Array(SIZES[index % SIZES.length] ?? 0).fill(index),
    );
    const copies = originals.map((bytes) => {
      const copy = pool.take(bytes.length);
      expect(copy.every((byte) => byte === 0)).toBe(true);
      copy.set(bytes);
      return copy;
    });
    expect(copies).toEqual(originals);
    for (const { buffer, length } of copies)
      expect(buffer.byteLength).toBeLessThanOrEqual(Math.max(length, WINDOW_BYTES));
    expect(new Set(copies.map(({ buffer }) => buffer)).size).toBeLessThan(copies.length);
  });
});
