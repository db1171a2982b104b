/** Everything that can be turned in the demo, in one place. */
export const DEMO = {
  dataDirectory: '.latchkey/demo',
  /** The demo looks for free ports from here on, far from those of `npm start`. */
  firstPort: 27_301,
  nodes: 3,
  workers: 4,
  /** Short, so that a stopped worker's lock becomes free while one watches. */
  sessionTtlMs: 2_500,
  /** How long the worker that holds a lock is stopped at least: longer than the TTL. */
  stoppedMs: 3_500,
  /** The config key `workers/batchSize` before and after the change. */
  firstBatchSize: 4,
  secondBatchSize: 12,
  /** Every worker looks at this many open orders per order it takes; the smaller, the more they get in each other's way. */
  overlap: 3,
  /** When what happens, as a part of the orders done. */
  killLeaderAt: 0.12,
  stopWorkerAt: 0.2,
  changeConfigAt: 0.5,
  probeIntervalMs: 10,
  /** A run that takes longer than this is given up as stuck. */
  limitMs: 120_000,
} as const;

/** The committed order file; made by make-orders.ts. */
export const ORDERS = { seed: 20_260_117, count: 3_000, minHandlingMs: 20, maxHandlingMs: 60 } as const;

export const CONFIG_NAMESPACE = 'workers';
export const CONFIG_KEY = 'batchSize';
