import { summarize } from '../statistics.js';

/** What several runs say. */
export type Spread = {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly values: readonly number[];
};

export function spreadOf(values: readonly number[]): Spread {
  const { p50, min, max } = summarize(values);
  return { median: p50, min, max, values };
}

/** Whether runs of one could as well have been runs of the other. One run each says nothing about that: false. */
export function overlaps(one: Spread, other: Spread): boolean {
  if (one.values.length < 2 || other.values.length < 2) return false;
  return one.min <= other.max && other.min <= one.max;
}
