import { describe, expect, it } from 'vitest';
import { SortedRuns } from './sorted-runs.js';

const MANY = 50_000;
/** Without a factor in common with the counts, so that the order is a permutation. */
const STEP = 12_347;
/** As long as a run, a text more or less than that, and many of them with and without a rest. */
const COUNTS = [0, 1, 2_047, 2_048, 2_049, 8 * 2_048, MANY];
const numbered = (number: number): string => `key/${String(number).padStart(6, '0')}`;

describe('sorted runs', () => {
  it.each(COUNTS)('give %i texts in order, however they came', (count) => {
    const runs = new SortedRuns<string>();
    for (let index = 0; index < count; index += 1) runs.add(numbered((index * STEP) % count));
    expect([...runs.inOrder()]).toEqual(Array.from({ length: count }, (_, index) => numbered(index)));
  });

  it('give texts that came in order, or the other way round, in order', () => {
    const expected = Array.from({ length: MANY }, (_, index) => numbered(index));
    for (const texts of [expected, expected.toReversed()]) {
      const runs = new SortedRuns<string>();
      for (const text of texts) runs.add(text);
      expect([...runs.inOrder()]).toEqual(expected);
    }
  });
});
