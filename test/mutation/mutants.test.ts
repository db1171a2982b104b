import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { mutate } from '../../tools/mutation/apply-mutant.mjs';
import { MUTANTS } from '../../tools/mutation/mutants.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** Mutants that every run tries out; `npm run mutate` tries all. */
const SAMPLE_SIZE = 3;
const SAMPLE_TIMEOUT_MS = 300_000;
const LEAST_MUTANTS = 25;

describe('mutants', () => {
  it('are many, and each has a name of its own', () => {
    const ids = MUTANTS.map(({ id }) => id);
    expect(ids.length).toBeGreaterThanOrEqual(LEAST_MUTANTS);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it.each(MUTANTS.map((mutant) => [mutant.id, mutant] as const))('%s still fits the source', (_, mutant) => {
    const source = readFileSync(`${ROOT}${mutant.file}`, 'utf8');
    expect(mutate(mutant, source)).not.toBe(source);
  });

  it('are noticed by the suite: a sample, another one every day', { timeout: SAMPLE_TIMEOUT_MS }, () => {
    const day = Math.floor(Date.now() / (24 * 60 * 60 * 1000));
    const args = ['tools/mutation/main.mjs', '--sample', String(SAMPLE_SIZE), '--sample-seed', String(day)];
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: ROOT, encoding: 'utf8' });
    expect(status, stdout + stderr).toBe(0);
  });
});
