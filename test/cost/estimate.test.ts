import { describe, expect, it } from 'vitest';
import { hasSettled, median, typicalCost } from './estimate.js';

describe('the cost of many measurements', () => {
  it('is the mean of the cheapest eighth, however dear the others were', () => {
    const others = Array.from({ length: 14 }, () => 1_000);
    expect(typicalCost([...others, 10, 12])).toBe(11);
  });

  it('is a single measurement when there is no other', () => {
    expect(typicalCost([7])).toBe(7);
    expect(() => typicalCost([])).toThrow('nothing');
  });

  it('is not a number when a measurement is none', () => {
    expect(typicalCost([NaN])).toBeNaN();
  });
});

describe('warming up', () => {
  const WARM_UP = { least: 5, looked: 2 };

  it.each([
    ['too few measurements', [10, 10, 10, 10], false],
    ['becoming cheaper still', [50, 40, 30, 20, 10], false],
    ['cheaper by a hair', [50, 10, 10, 10, 9.9], true],
    ['a bad moment at the end', [50, 10, 10, 90, 90], true],
  ])('with %s: settled is %s', (_what, samples, settled) => {
    expect(hasSettled(samples, WARM_UP)).toBe(settled);
  });
});

describe('the median', () => {
  it('is the one in the middle', () => {
    expect(median([9, 1, 5])).toBe(5);
    expect(() => median([])).toThrow('nothing');
  });
});
