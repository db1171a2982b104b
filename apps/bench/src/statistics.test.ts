import { describe, expect, it } from 'vitest';
import { summarize } from './statistics.js';

describe('summary of measured times', () => {
  it('takes quantiles by nearest rank, whatever the order of the values', () => {
    const values = Array.from({ length: 100 }, (_, position) => 100 - position);
    expect(summarize(values)).toEqual({ count: 100, p50: 50, p99: 99, min: 1, max: 100 });
  });

  it('gives the only value there is for every quantile', () => {
    expect(summarize([7])).toEqual({ count: 1, p50: 7, p99: 7, min: 7, max: 7 });
  });

  it('compares as numbers: 9 is below 10', () => {
    expect(summarize([10, 9]).p50).toBe(9);
  });
});
