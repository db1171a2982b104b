import { describe, expect, it } from 'vitest';
import { overlaps, spreadOf } from './spread.js';

describe('spread of several runs', () => {
  it('keeps the median, the least and the most, and every value', () => {
    expect(spreadOf([5, 1, 9])).toEqual({ median: 5, min: 1, max: 9, values: [5, 1, 9] });
  });

  it('overlaps when a run of one lies among those of the other', () => {
    expect(overlaps(spreadOf([1, 3]), spreadOf([3, 7]))).toBe(true);
    expect(overlaps(spreadOf([1, 2]), spreadOf([3, 7]))).toBe(false);
    expect(overlaps(spreadOf([8, 9]), spreadOf([3, 7]))).toBe(false);
  });

  it('does not call single runs overlapping: they say nothing about noise', () => {
    expect(overlaps(spreadOf([5]), spreadOf([5]))).toBe(false);
  });
});
