import { describe, expect, it } from 'vitest';
import { KeySpace, VALUE_BYTES, valueOf, writeOf } from './bench-data.js';

const KEYS = 3;

describe('values of the benchmark', () => {
  it('have the stated size and tell their write', () => {
    expect(valueOf(70_000)).toHaveLength(VALUE_BYTES);
    expect(writeOf(valueOf(70_000))).toBe(70_000);
  });

  it('are not taken from a key that is missing or cut short', () => {
    expect(() => writeOf(null)).toThrow('not there');
    expect(() => writeOf(valueOf(1).subarray(1))).toThrow('255 bytes');
  });
});

describe('key space', () => {
  it('is written round and round, and knows what each key had last', () => {
    const keys = new KeySpace('k', KEYS);
    const writes = Array.from({ length: KEYS + 1 }, () => keys.next());
    expect(writes.map(({ key }) => key)).toEqual(['k/0', 'k/1', 'k/2', 'k/0']);
    expect(keys.filled).toBe(KEYS);
    expect(() => keys.check(0, valueOf(3))).not.toThrow();
    expect(() => keys.check(KEYS, valueOf(3))).not.toThrow();
    expect(() => keys.check(0, valueOf(0))).toThrow('k/0 has write 0 instead of 3');
  });
});
