import { describe, expect, it } from 'vitest';
import { seededRandom } from './random-source.js';

const DRAWS = 10_000;
const draw = (seed: number, salt: string): number[] => {
  const random = seededRandom(seed, salt);
  return Array.from({ length: DRAWS }, random);
};

describe('seeded randomness', () => {
  it('gives the same numbers for the same seed and node', () => {
    expect(draw(42, 'n1')).toEqual(draw(42, 'n1'));
  });

  it.each([
    ['another seed', 43, 'n1'],
    ['a seed that differs above 32 bits', 42 + 2 ** 40, 'n1'],
    ['the same seed on another node', 42, 'n2'],
  ])('gives other numbers for %s', (_, seed, salt) => {
    const [first, second] = [draw(42, 'n1'), draw(seed, salt)];
    expect(first.filter((value, position) => value === second[position])).toHaveLength(0);
  });

  it.each([0, 1, -1, Number.MAX_SAFE_INTEGER])('spreads evenly over [0, 1) for seed %d', (seed) => {
    const numbers = draw(seed, 'n1');
    const tenths = Array.from({ length: 10 }, (_, tenth) => numbers.filter((n) => Math.floor(n * 10) === tenth).length);
    expect(tenths.reduce((sum, count) => sum + count)).toBe(DRAWS);
    for (const count of tenths) expect(Math.abs(count - DRAWS / 10)).toBeLessThan(DRAWS / 50);
  });
});
