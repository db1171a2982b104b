import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KeyIndex } from './key-index.js';
import { prefixRange } from './key-range.js';

const MANY_KEYS = 5_000;
const ALL = { start: '', end: null };
const PROPERTY_RUNS = 60;
const numbered = (number: number): string => `key/${String(number).padStart(6, '0')}`;
/** A permutation of 0..MANY_KEYS-1: the step has no factor in common with the count. */
const scattered = (index: number): number => (index * 1_237) % MANY_KEYS;

describe('key index', () => {
  it('answers like a sorted array, whatever is added and deleted', () => {
    const keyText = fc.string({ minLength: 1, maxLength: 3, unit: fc.constantFrom('a', 'b', '\0', 'ÿ') });
    const bound = fc.option(keyText, { nil: null });
    fc.assert(
      fc.property(
        fc.array(keyText, { maxLength: 80, size: 'max' }),
        keyText,
        bound,
        fc.nat(5),
        (toggled, start, end, limit) => {
          const index = new KeyIndex<string>();
          const model = new Set<string>();
          for (const each of toggled) {
            if (model.delete(each)) index.delete(each);
            else index.add(each);
            if (index.size > model.size) model.add(each);
          }
          const inRange = [...model].filter((each) => each >= start && (end === null || each < end)).sort(byteOrder);
          expect(index.size).toBe(model.size);
          expect(index.count({ start, end })).toBe(inRange.length);
          expect(index.keys({ start, end }, limit)).toEqual(limit === 0 ? inRange : inRange.slice(0, limit));
        },
      ),
      { numRuns: PROPERTY_RUNS },
    );
  });

  it.each([
    ['in order', (index: number) => index],
    ['in reverse', (index: number) => MANY_KEYS - 1 - index],
    ['scattered', scattered],
  ])('keeps thousands of keys in order when they arrive %s, and loses none when half of them go', (_name, order) => {
    const index = new KeyIndex<string>();
    for (let each = 0; each < MANY_KEYS; each += 1) index.add(numbered(order(each)));
    const all = Array.from({ length: MANY_KEYS }, (_, each) => numbered(each));
    expect(index.keys(ALL, 0)).toEqual(all);
    for (let each = 0; each < MANY_KEYS; each += 1)
      if (scattered(each) % 7 !== 0) index.delete(numbered(scattered(each)));
    const left = all.filter((_, each) => each % 7 === 0);
    expect(index.keys(ALL, 0)).toEqual(left);
    expect(index.count(prefixRange('key/0012'))).toBe(left.filter((each) => each.startsWith('key/0012')).length);
    for (const each of left) index.delete(each);
    expect(index.keys(ALL, 0)).toEqual([]);
  });

  it('counts a range that spans many chunks, and nothing in a range that ends before it starts', () => {
    const index = new KeyIndex<string>();
    for (let each = 0; each < MANY_KEYS; each += 1) index.add(numbered(scattered(each)));
    expect(index.count({ start: numbered(100), end: numbered(4_100) })).toBe(4_000);
    expect(index.count({ start: numbered(4_100), end: numbered(100) })).toBe(0);
    expect(new KeyIndex<string>().count(ALL)).toBe(0);
  });

  it('takes a second add or a delete of a stranger for the bug that it is', () => {
    const index = new KeyIndex<string>();
    expect(() => index.delete('a')).toThrow('empty index');
    index.add('a');
    expect(() => index.add('a')).toThrow('already');
    expect(() => index.delete('b')).toThrow('not in the index');
  });
});

const byteOrder = (left: string, right: string): number => (left < right ? -1 : 1);
