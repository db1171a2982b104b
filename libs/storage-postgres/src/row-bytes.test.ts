import { describe, expect, it } from 'vitest';
import { MAX_KEPT_ROW_BYTES, RowBytes } from './row-bytes.js';

describe('where rows are encoded', () => {
  it('those of one write do not touch each other', () => {
    const rowBytes = new RowBytes();
    const sizes = [100, 50, 40, 30_000, 10];
    rowBytes.begin();
    const taken = sizes.map((size, number) => rowBytes.take(size).fill(number));
    taken.forEach((bytes, number) => {
      expect(bytes).toHaveLength(sizes[number] ?? 0);
      expect(bytes.every((byte) => byte === number)).toBe(true);
    });
  });

  it('is the same place for the next write', () => {
    const rowBytes = new RowBytes();
    const first = rowBytes.take(20_000);
    rowBytes.begin();
    expect(rowBytes.take(20_000).buffer).toBe(first.buffer);
  });

  it('is not kept for a row that is very long', () => {
    const rowBytes = new RowBytes();
    const usual = rowBytes.take(20_000);
    rowBytes.begin();
    const long = rowBytes.take(MAX_KEPT_ROW_BYTES + 1);
    expect(long.buffer).not.toBe(usual.buffer);
    rowBytes.begin();
    expect(rowBytes.take(20_000).buffer).toBe(usual.buffer);
  });
});
