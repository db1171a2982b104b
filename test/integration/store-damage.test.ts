import { connect, type Latchkey } from '@latchkey/sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { queryOnce } from '../support/postgres.js';
import { TestCluster } from '../support/test-cluster.js';
import { waitFor } from '../support/wait-for.js';
import { WriteLoad } from '../support/write-load.js';

/** Shorter than the default of 30 s, which would only make the test slower. */
const VERIFY_INTERVAL_MS = 3_000;
/** See docs/cli.md. */
const HISTORY_LOST_EXIT = 6;
const WRITES = 200;
/** Source: FAILURE-MODES 34. */
const ALARM_MS = 60_000;
const REJOIN_TIMEOUT_MS = 60_000;
const STORY_TIMEOUT_MS = 240_000;

/** What `/v1/status` says beyond what clients need. */
type Standing = {
  readonly phase: string;
  readonly rejoining: string | null;
  readonly checkpointIndex: number;
  readonly members: readonly { readonly id: string; readonly role: string }[];
};

/** One bit of what was written is another one now, in a row in the middle: nobody reads it before the next start. */
const LOG_HARM = `
  UPDATE latchkey.log_batch SET bytes = set_byte(bytes, 0, get_byte(bytes, 0) # 1)
  WHERE first_index = (SELECT first_index FROM latchkey.log_batch ORDER BY first_index
                       OFFSET (SELECT count(*) / 2 FROM latchkey.log_batch) LIMIT 1)`;
const CHECKPOINT_HARM = `
  UPDATE latchkey.state_page SET row_values[1] = set_byte(row_values[1], 0, get_byte(row_values[1], 0) # 1)
  WHERE generation = (SELECT generation FROM latchkey.checkpoint)
    AND last_key = (SELECT max(last_key) FROM latchkey.state_page WHERE generation = (SELECT generation FROM latchkey.checkpoint))`;

const HARMS = [
  ['log', LOG_HARM],
  ['checkpoint', CHECKPOINT_HARM],
] as const;

describe('a running node with a flipped bit in its database, FAILURE-MODES 29, 34,', () => {
  let cluster: TestCluster;
  let client: Latchkey;

  async function standingOf(id: string): Promise<Standing> {
    const response = await fetch(`${cluster.url(id)}/v1/status`, { signal: AbortSignal.timeout(2_000) });
    return (await response.json()) as Standing;
  }

  const metricsOf = async (id: string): Promise<string> => (await fetch(`${cluster.url(id)}/metrics`)).text();

  /** The state as it was saved has all the writes of the test in it. */
  async function isSaved(id: string): Promise<void> {
    const { appliedIndex } = await cluster.status(id);
    await waitFor('a checkpoint', async () => ((await standingOf(id)).checkpointIndex >= appliedIndex ? true : null));
  }

  async function isVoterAgain(id: string): Promise<void> {
    await waitFor(
      () => `${id} to have its vote again\n${cluster.output(id)}`,
      async () => {
        const leader = await cluster.leader(cluster.runningIds.filter((other) => other !== id));
        const { members } = await standingOf(leader);
        const { phase, rejoining } = await standingOf(id);
        const isVoter = members.some((member) => member.id === id && member.role === 'voter');
        const hasBegunAnew = cluster.output(id).includes('this node has all that it had again');
        return isVoter && hasBegunAnew && phase === 'running' && rejoining === null ? true : null;
      },
      REJOIN_TIMEOUT_MS,
    );
  }

  beforeAll(async () => {
    cluster = await TestCluster.start({ settings: { LATCHKEY_VERIFY_INTERVAL_MS: String(VERIFY_INTERVAL_MS) } });
    client = await connect({ endpoints: cluster.endpoints, requestTimeoutMs: 20_000 });
  });
  afterAll(async () => {
    await client.close();
    await cluster[Symbol.asyncDispose]();
  });

  it.each(HARMS)(
    'in its %s, finds it by itself, begins anew, and is back with the right state; nothing is lost',
    async (what, harm) => {
      for (let count = 0; count < WRITES; count += 1) await client.kv.put(`${what}/${count}`, String(count));
      const harmed = await (what === 'log' ? cluster.leader() : cluster.follower());
      await isSaved(harmed);
      cluster.forgetOutput();
      const load = await WriteLoad.start(cluster.endpoints, { clientCount: 2, pauseMs: 20 });
      const harmedAtMs = performance.now();
      await queryOnce(cluster.databaseUrl(harmed), harm);
      expect(await cluster.ended(harmed)).toBe(HISTORY_LOST_EXIT);
      expect(performance.now() - harmedAtMs).toBeLessThan(ALARM_MS);
      expect(cluster.output(harmed)).toContain('the database holds what was never written');
      cluster.startNode(harmed);
      await isVoterAgain(harmed);
      await load.stop();

      const metrics = await metricsOf(harmed);
      expect(metrics).toContain('latchkey_rejoining{reason="corrupt"} 0');
      const hashes = (await cluster.settled()).map(({ stateHash }) => stateHash);
      expect(new Set(hashes).size).toBe(1);
      expect(load.acknowledged.size).toBeGreaterThan(0);
      for (const [key, value] of load.acknowledged) expect((await client.kv.get(key))?.text()).toBe(value);
      for (let count = 0; count < WRITES; count += 1) {
        expect((await client.kv.get(`${what}/${count}`))?.text()).toBe(String(count));
      }
      // Its vote counts: without one of the others there is a majority.
      const gone = cluster.ids.find((id) => id !== harmed) ?? '';
      await cluster.kill(gone);
      await client.kv.put(`${what}/end`, 'reached');
      cluster.startNode(gone);
      await cluster.leader();
    },
    STORY_TIMEOUT_MS,
  );

  it(
    'says so in its status and its metrics, and is not ready, while the others have no majority to take its vote',
    async () => {
      const harmed = await cluster.follower();
      const [away = ''] = cluster.ids.filter((id) => id !== harmed);
      await client.kv.put('before', 'all');
      await isSaved(harmed);
      cluster.forgetOutput();
      await cluster.kill(away);
      await queryOnce(cluster.databaseUrl(harmed), LOG_HARM);
      expect(await cluster.ended(harmed)).toBe(HISTORY_LOST_EXIT);
      cluster.startNode(harmed);
      await waitFor('it to say so', async () => ((await standingOf(harmed)).phase === 'rejoining' ? true : null));
      expect(await standingOf(harmed)).toMatchObject({ phase: 'rejoining', rejoining: 'corrupt' });
      const ready = await fetch(`${cluster.url(harmed)}/readyz`);
      expect(ready.status).toBe(503);
      expect(await ready.text()).toContain('its database cannot be read');
      expect(await metricsOf(harmed)).toContain('latchkey_rejoining{reason="corrupt"} 1');
      cluster.startNode(away);
      await isVoterAgain(harmed);
      expect((await client.kv.get('before'))?.text()).toBe('all');
    },
    STORY_TIMEOUT_MS,
  );

  it('looks through all of them again and again while nothing is wrong', async () => {
    await waitFor('looks without damage', async () => {
      const all = await Promise.all(cluster.ids.map((id) => metricsOf(id)));
      return all.every((metrics) => /^latchkey_store_verify_passes_total [1-9]/m.test(metrics)) ? true : null;
    });
    const all = await Promise.all(cluster.ids.map((id) => metricsOf(id)));
    for (const metrics of all) expect(metrics).toContain('latchkey_state_hash_mismatches_total 0');
  });
});
