import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { reportOf, simulate, type PlanOptions } from '../../libs/simulator/src/index.js';

const SECONDS = 10;
const CALM_SEED = 1;
const LYING_SEEDS = [1, 2, 3];
const TEST_TIMEOUT_MS = 120_000;

type Regression = {
  readonly what: string;
  readonly options: PlanOptions;
  /** The promise that the run still breaks; null once it is mended. */
  readonly breaks: string | null;
};

const regressions = JSON.parse(
  readFileSync(new URL('./regressions.json', import.meta.url), 'utf8'),
) as readonly Regression[];

describe('simulated clusters', () => {
  it('do work: without faults every operation is acknowledged and locks change hands', async () => {
    const result = await simulate({ seed: CALM_SEED, seconds: SECONDS, profile: 'calm' });
    expect(result.violation).toBeNull();
    expect(result.acknowledgedCount).toBeGreaterThan(0.8 * result.operationCount);
    expect(result.operationCount).toBeGreaterThan(100);
    expect(result.lockGrantCount).toBeGreaterThan(0);
  });

  it.each(LYING_SEEDS)(
    'are caught when disks call durable what they have not written, seed %i',
    async (seed) => {
      const result = await simulate({ seed, seconds: SECONDS, hasLyingDisks: true });
      expect(result.violation).not.toBeNull();
      expect(reportOf(result)).toContain(`again: npm run simulate -- --seed ${seed} --seconds ${SECONDS}`);
    },
    TEST_TIMEOUT_MS,
  );

  it.each(LYING_SEEDS)(
    'are caught when disks write the log and lie about checkpoints, seed %i',
    async (seed) => {
      const { violation } = await simulate({
        seed,
        seconds: SECONDS,
        including: ['smallCheckpoints'],
        hasLyingDisks: 'checkpoints',
      });
      expect(violation).not.toBeNull();
    },
    TEST_TIMEOUT_MS,
  );
});

describe('failures that were found once', () => {
  it.each(regressions)(
    '$what',
    async ({ options, breaks }) => {
      const result = await simulate(options);
      if (result.violation !== null && breaks === null) expect.fail(reportOf(result));
      expect(result.violation?.invariant ?? null).toBe(breaks);
    },
    TEST_TIMEOUT_MS,
  );
});
