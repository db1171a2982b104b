import { describe, expect, it } from 'vitest';
import { ByteSlab } from './byte-slab.js';

const SMALL_BYTES = 100;
const COUNT = 2_000;
const LARGE_BYTES = 50_000;

describe('byte slab', () => {
  it('never gives the same byte out twice, over many slabs', () => {
    const slab = new ByteSlab();
    const parts = Array.from({ length: COUNT }, () => slab.allocate(SMALL_BYTES));
    expect(parts.every((part) => part.byteLength === SMALL_BYTES && part.every((byte) => byte === 0))).toBe(true);
    parts.forEach((part, number) => part.fill(number % 251));
    expect(parts.every((part, number) => part.every((byte) => byte === number % 251))).toBe(true);
    expect(new Set(parts.map(({ buffer }) => buffer)).size).toBeLessThan(COUNT / 100);
  });

  it('gives large requests memory of their own, which a small neighbour cannot keep alive', () => {
    const slab = new ByteSlab();
    slab.allocate(SMALL_BYTES);
    const large = slab.allocate(LARGE_BYTES);
    expect([large.byteOffset, large.buffer.byteLength]).toEqual([0, LARGE_BYTES]);
  });

  it('gives nothing for nothing', () => {
    expect(new ByteSlab().allocate(0).byteLength).toBe(0);
  });
});
