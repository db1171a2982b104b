/** Of the measurements of one thing this part counts, the cheapest ones: everything else that a machine does only adds. */
const COUNTED_PART = 1 / 8;

/** The mean of the cheapest eighth, one measurement at least. */
export function typicalCost(samples: readonly number[]): number {
  if (samples.length === 0) throw new Error('nothing was measured');
  const counted = Math.ceil(samples.length * COUNTED_PART);
  const cheapest = samples.toSorted((one, two) => one - two).slice(0, counted);
  return cheapest.reduce((sum, sample) => sum + sample, 0) / counted;
}

/** Whether code that is still being compiled would show: the last measurements are hardly cheaper than all before them. */
export function hasSettled(samples: readonly number[], { least, looked }: WarmUp): boolean {
  if (samples.length < least) return false;
  const before = Math.min(...samples.slice(0, -looked));
  return Math.min(...samples.slice(-looked)) >= SETTLED_SHARE * before;
}

export type WarmUp = {
  /** Measurements before which nothing is settled; more than `looked`. */
  readonly least: number;
  /** The last ones, which are compared with those before. */
  readonly looked: number;
};

const SETTLED_SHARE = 0.95;

export function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((one, two) => one - two);
  const middle = sorted[Math.floor(sorted.length / 2)];
  if (middle === undefined) throw new Error('there is no median of nothing');
  return middle;
}
