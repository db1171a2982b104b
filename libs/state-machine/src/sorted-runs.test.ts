import { describe, expect, it } from 'vitest';
import { KeyIndex } from './key-index.js';
import { prefixRange } from './key-range.js';
import { SortedRuns } from './sorted-runs.js';

const MANY = 50_000;
/** Without a factor in common with the count, so that the order is a permutation. */
const STEP = 12_347;
const numbered = (number: number): string => `key/${String(number).padStart(6, '0')}`;

describe('sorted runs', () => {
  it.each([0, 1, 8_192, 3 * 8_192, MANY])('give %i texts in order, however they came', (count) => {
    const runs = new SortedRuns<string>();
    for (let index = 0; index < count; index += 1) runs.add(numbered((index * STEP) % (count || 1)));
    const expected = Array.from({ length: count }, (_, index) => numbered((index * STEP) % (count || 1))).sort();
    expect(runs.finish()).toEqual(expected);
  });
});

describe('key index made from keys in order', () => {
  it('answers and changes like one that was filled key by key', () => {
    const keys = Array.from({ length: 5_000 }, (_, index) => numbered(index * 2));
    const index = new KeyIndex<string>(keys);
    expect([index.size, index.count(prefixRange('key/0012'))]).toEqual([keys.length, 50]);
    for (let each = 1; each < 2_000; each += 2) index.add(numbered(each));
    for (let each = 0; each < 2_000; each += 2) index.delete(numbered(each));
    const left = keys.filter((_, at) => at >= 1_000);
    const added = Array.from({ length: 1_000 }, (_, each) => numbered(each * 2 + 1));
    expect(index.keys(prefixRange(''), 0)).toEqual([...added, ...left]);
  });
});
