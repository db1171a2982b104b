/** How long and how much. Times in milliseconds. */
export type ComparisonSettings = {
  /** Before each load; what happens then is not measured. */
  readonly warmUpMs: number;
  /**
   * The same before loads that come one after the other (one in flight, one lock), or on a slow beat (writes that are watched). There
   * are few operations in a second then, and V8 and the JVM compile what has run some thousand times.
   */
  readonly serialWarmUpMs: number;
  readonly loadMs: number;
  readonly contendedMs: number;
  readonly watchMs: number;
  readonly ceilingMs: number;
  readonly idleSettleMs: number;
  readonly idleMs: number;
  /** Of a lost leader, over all runs together; each run takes its share. */
  readonly failureRounds: number;
  readonly growthKeys: readonly number[];
};

export const FULL_SETTINGS: ComparisonSettings = {
  warmUpMs: 2_000,
  serialWarmUpMs: 10_000,
  loadMs: 5_000,
  contendedMs: 5_000,
  watchMs: 5_000,
  ceilingMs: 5_000,
  idleSettleMs: 20_000,
  idleMs: 20_000,
  failureRounds: 10,
  growthKeys: [1_000, 100_000],
};

export const QUICK_SETTINGS: ComparisonSettings = {
  warmUpMs: 300,
  serialWarmUpMs: 300,
  loadMs: 700,
  contendedMs: 1_000,
  watchMs: 1_000,
  ceilingMs: 1_000,
  idleSettleMs: 3_000,
  idleMs: 3_000,
  failureRounds: 3,
  growthKeys: [1_000, 100_000],
};

export const LARGE_KEY_COUNT = 1_000_000;
export const DEFAULT_RUNS = 3;
export const QUICK_RUNS = 1;
