import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

/*
 * Hundreds of runs in processes of their own. They take what the other tests leave of the cores, so that those keep their
 * times: as whoever waits here does not work, both cores are busy until all is done.
 */

const SIMULATE = fileURLToPath(new URL('../../tools/simulate.mjs', import.meta.url));
const DAY_MS = 86_400_000;
/** Room for the seeds of one day. */
const SEEDS_OF_A_DAY = 1_000;

/** Always the same ones, so that a change shows what it has changed. */
const FIXED_SEEDS = { first: 1, count: 50 };
/** Others every day, and none of the fixed ones; a failure names its seed, which fails again. */
const FRESH_SEEDS = {
  first: numberFrom('LATCHKEY_FIRST_SEED', Math.floor(Date.now() / DAY_MS) * SEEDS_OF_A_DAY),
  count: numberFrom('LATCHKEY_FRESH_SEEDS', 450),
};
/** In the profile in which nodes look at each other's stores, begin anew when they have lost something, and lose more. */
const STORES_SEEDS = { first: 1, count: 50, profile: 'stores' };
const SECONDS = 60;
const JOBS = 2;
/** On a machine that is busy with all other tests. Alone it takes no more than five minutes. */
const SWEEP_TIMEOUT_MS = 30 * 60_000;

describe('simulated clusters under faults by seed', () => {
  it(
    `keep every promise, seeds that are always the same`,
    async ({ signal }) => expectEveryPromiseKept(FIXED_SEEDS, signal),
    SWEEP_TIMEOUT_MS,
  );

  it(
    'keep every promise while stores are lost, rot, and come from the past, seeds that are always the same',
    async ({ signal }) => expectEveryPromiseKept(STORES_SEEDS, signal),
    SWEEP_TIMEOUT_MS,
  );

  it.skipIf(FRESH_SEEDS.count === 0)(
    `keep every promise, seeds of today from ${FRESH_SEEDS.first} on`,
    async ({ signal }) => expectEveryPromiseKept(FRESH_SEEDS, signal),
    SWEEP_TIMEOUT_MS,
  );
});

type Seeds = { readonly first: number; readonly count: number; readonly profile?: string };

/** Fails with the report of every run that failed, each with the command that runs it again. */
async function expectEveryPromiseKept(seeds: Seeds, signal: AbortSignal): Promise<void> {
  const { code, output } = await sweep(seeds, signal);
  if (code !== 0) expect.fail(output);
  expect(output).toContain(`${seeds.count} runs`);
  expect(output).toContain('failed: none');
}

/** As `npm run simulate` does. */
function sweep(
  { first, count, profile = 'swarm' }: Seeds,
  signal: AbortSignal,
): Promise<{ readonly code: number | null; readonly output: string }> {
  const seeds = ['--seeds', `${first}..${first + count - 1}`, '--seconds', String(SECONDS), '--profile', profile];
  const words = [SIMULATE, ...seeds, '--jobs', String(JOBS), '--low-priority'];
  const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'pipe'], signal });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  }
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, output }));
  });
}

function numberFrom(variable: string, otherwise: number): number {
  const text = process.env[variable];
  const value = text === undefined || text === '' ? otherwise : Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new TypeError(`${variable} is not a count: ${text}`);
  return value;
}
