import { describe, expect, it } from 'vitest';
import { TestCluster } from '../support/test-cluster.js';
import { waitFor } from '../support/wait-for.js';
import { WriteLoad } from '../support/write-load.js';

const WRITES_AROUND_THE_STOP = 200;
/** Mostly for the start of a database and three processes on a busy machine. */
const LIMIT_MS = 60_000;

describe('a leader that is told to stop (ARCHITECTURE §4.9)', () => {
  it(
    'hands over first: no write fails, and nobody waits for an election timeout',
    async () => {
      await using cluster = await TestCluster.start();
      const before = await cluster.leader();
      const { term } = await cluster.status(before);
      const load = await WriteLoad.start(cluster.endpoints);
      await waitFor('writes before', () => (load.count >= WRITES_AROUND_THE_STOP ? true : null));

      cluster.forgetOutput();
      expect(await cluster.stop(before)).toBe(0);
      const stoppedAt = load.count;
      await waitFor('writes after', () => (load.count >= stoppedAt + WRITES_AROUND_THE_STOP ? true : null));
      await load.stop();

      expect(load.failures).toEqual([]);
      const after = await cluster.leader();
      // One election, won by the node that was asked to take over, and by nobody else's time running out: that would have
      // begun with a pre-vote.
      expect((await cluster.status(after)).term).toBe(term + 1);
      expect(linesOf(cluster.output(before))).toContainEqual(
        expect.objectContaining({ msg: 'leadership handed over before the stop', to: after }),
      );
      const roles = cluster.ids.flatMap((id) => rolesIn(cluster.output(id)).map((role) => `${id} ${role}`));
      expect(roles.filter((line) => line.includes('andidate'))).toEqual([`${after} candidate`]);
      console.info(`longest time without an acknowledged write: ${Math.round(load.longestGapMs)} ms`);
    },
    LIMIT_MS,
  );

  it(
    'ends at once when all nodes are stopped together',
    async () => {
      await using cluster = await TestCluster.start();
      expect(await Promise.all(cluster.ids.map((id) => cluster.stop(id)))).toEqual([0, 0, 0]);
      // Nobody waits for a successor that cannot come.
      for (const id of cluster.ids) expect(cluster.output(id)).not.toContain('nobody took over within');
    },
    LIMIT_MS,
  );
});

function linesOf(output: string): readonly Record<string, unknown>[] {
  return output
    .split('\n')
    .filter((line) => line.startsWith('{') && line.endsWith('}'))
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

const rolesIn = (output: string): readonly string[] =>
  linesOf(output)
    .filter(({ msg }) => msg === 'role changed')
    .map(({ role }) => String(role));
