import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TakenSet } from './taken-set.js';

const SEED = 20_261_121;
const SIZE = 70;
const RUNS = 500;

describe('the set of taken operations', () => {
  it('has the same key exactly when it holds the same numbers, however it came to hold them', () => {
    const toggles = fc.array(fc.nat(SIZE - 1), { maxLength: 3 * SIZE, size: 'max' });
    fc.assert(
      fc.property(toggles, fc.nat(SIZE - 1), (numbers, other) => {
        const toggled = new TakenSet(SIZE);
        const truth = new Set<number>();
        for (const number of numbers) {
          toggle(truth, number);
          toggle(toggled, number);
          toggled.key(); // what it skips as full or empty must come back when that changes
        }
        const added = new TakenSet(SIZE);
        for (const number of [...truth].toSorted((one, another) => another - one)) added.add(number);
        expect(added.key()).toBe(toggled.key());
        expect([...Array(SIZE).keys()].filter((number) => toggled.has(number))).toEqual(
          [...truth].toSorted((one, another) => one - another),
        );
        toggle(added, other);
        expect(added.key()).not.toBe(toggled.key());
      }),
      { seed: SEED, numRuns: RUNS },
    );
  });

  it('keeps its key short while the numbers are taken nearly in order', () => {
    const size = 10_000;
    const taken = new TakenSet(size);
    for (let number = 0; number < size; number += 1) if (number !== size - 20) taken.add(number);
    expect(taken.key().length).toBeLessThan(20);
  });
});

type Numbers = { has(number: number): boolean; add(number: number): unknown; delete(number: number): unknown };

function toggle(numbers: Numbers, number: number): void {
  if (numbers.has(number)) numbers.delete(number);
  else numbers.add(number);
}
