import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const SIMULATE = fileURLToPath(new URL('../../tools/simulate.mjs', import.meta.url));
const SEEDS = '101..120';
const SEED_COUNT = 20;
const SECONDS = '4';
const TEST_TIMEOUT_MS = 120_000;
const MAX_OUTPUT_BYTES = 16 * 1024 * 1024;

/** One line per run, with the hash over every line of its trace. */
async function runsInAnotherProcess(): Promise<readonly string[]> {
  const words = [SIMULATE, '--seeds', SEEDS, '--seconds', SECONDS, '--json'];
  const { stdout } = await promisify(execFile)(process.execPath, words, { maxBuffer: MAX_OUTPUT_BYTES });
  return stdout.split('\n').filter((line) => line.includes('traceHash'));
}

describe('determinism of the simulator', () => {
  it(
    'gives the same trace for the same seed in two processes',
    async () => {
      const [first, second] = [await runsInAnotherProcess(), await runsInAnotherProcess()];
      expect(first).toHaveLength(SEED_COUNT);
      expect(second).toEqual(first);
      expect(new Set(first).size).toBe(SEED_COUNT);
    },
    TEST_TIMEOUT_MS,
  );
});
