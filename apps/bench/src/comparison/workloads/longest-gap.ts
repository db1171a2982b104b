/** The longest time between two acknowledgements one after the other of which the later one came after `fromMs`. */
export function longestGapMs(acknowledgedMs: readonly number[], fromMs: number): number {
  const sorted = acknowledgedMs.toSorted((one, other) => one - other);
  return sorted.reduce((longest, timeMs, position) => {
    const before = sorted[position - 1];
    return before === undefined || timeMs < fromMs ? longest : Math.max(longest, timeMs - before);
  }, 0);
}
