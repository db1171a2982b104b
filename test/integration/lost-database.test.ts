import { connect, type Latchkey } from '@latchkey/sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { queryOnce, testPostgres } from '../support/postgres.js';
import { TestCluster } from '../support/test-cluster.js';
import { waitFor } from '../support/wait-for.js';
import { WriteLoad } from '../support/write-load.js';

const SNAPSHOT_ENTRIES = 50;
/** Several checkpoints, and a log after the last one. */
const WRITES = 180;
const REJOIN_TIMEOUT_MS = 60_000;
const STORY_TIMEOUT_MS = 180_000;

/** What `/v1/status` says beyond what clients need. */
type Standing = {
  readonly phase: string;
  readonly rejoining: string | null;
  readonly members: readonly { readonly id: string; readonly role: string }[];
};

const databaseOf = (cluster: TestCluster, id: string): string => new URL(cluster.databaseUrl(id)).pathname.slice(1);

async function onServer(statement: string): Promise<void> {
  await queryOnce((await testPostgres()).url, statement);
}

/** The database of a node that does not run, as it is. @returns the name of the copy */
async function backUp(cluster: TestCluster, id: string): Promise<string> {
  const copy = `${databaseOf(cluster, id)}_backup`;
  await waitFor('the sessions of the node to end', async () => {
    await onServer(`CREATE DATABASE ${copy} TEMPLATE ${databaseOf(cluster, id)}`);
    return true;
  });
  return copy;
}

async function replaceDatabase(cluster: TestCluster, id: string, template: string): Promise<void> {
  const name = databaseOf(cluster, id);
  await onServer(`DROP DATABASE ${name} WITH (FORCE)`);
  await onServer(`CREATE DATABASE ${name} TEMPLATE ${template}`);
}

/** One bit of what was written is another one now. */
const flipBit = (table: string, column: string, row: string): string =>
  `UPDATE latchkey.${table} SET ${column} = set_byte(${column}, 0, get_byte(${column}, 0) # 1) WHERE ${row}`;

async function standingOf(cluster: TestCluster, id: string): Promise<Standing> {
  const response = await fetch(`${cluster.url(id)}/v1/status`, { signal: AbortSignal.timeout(2_000) });
  return (await response.json()) as Standing;
}

/** Damages the database of a node that does not run. */
type Harm = (cluster: TestCluster, id: string) => Promise<void>;

const HARMS: readonly (readonly [what: string, reason: string, harm: Harm])[] = [
  ['was wiped', 'replaced', (cluster, id) => replaceDatabase(cluster, id, 'template0')],
  [
    'was restored from a backup',
    'behind',
    (cluster, id) => replaceDatabase(cluster, id, `${databaseOf(cluster, id)}_backup`),
  ],
  [
    'has a flipped bit in its log',
    'corrupt',
    async (cluster, id) => {
      const last = 'first_index = (SELECT max(first_index) FROM latchkey.log_batch)';
      await queryOnce(cluster.databaseUrl(id), flipBit('log_batch', 'bytes', last));
    },
  ],
  [
    'has a flipped bit in its checkpoint',
    'corrupt',
    async (cluster, id) => {
      const one = '(generation, key) = (SELECT generation, key FROM latchkey.state_row ORDER BY 1 DESC, 2 LIMIT 1)';
      await queryOnce(cluster.databaseUrl(id), flipBit('state_row', 'value', one));
    },
  ],
];

describe('a node whose database, FAILURE-MODES 29, 32,', () => {
  let cluster: TestCluster;
  let client: Latchkey;
  beforeAll(async () => {
    cluster = await TestCluster.start({ settings: { LATCHKEY_SNAPSHOT_ENTRIES: String(SNAPSHOT_ENTRIES) } });
    client = await connect({ endpoints: cluster.endpoints, requestTimeoutMs: 20_000 });
  });
  afterAll(async () => {
    await client.close();
    await cluster[Symbol.asyncDispose]();
  });

  it.each(HARMS)(
    '%s comes back by itself as a learner, and then as a voter; nothing is lost',
    async (what, reason, harm) => {
      const harmed = await cluster.follower();
      const others = cluster.ids.filter((id) => id !== harmed);
      await cluster.stop(harmed);
      if (reason === 'behind') await backUp(cluster, harmed);
      cluster.startNode(harmed);
      await cluster.leader();
      for (let count = 0; count < WRITES; count += 1) await client.kv.put(`${reason}/${count}`, what);
      await cluster.settled();

      await cluster.kill(harmed);
      cluster.forgetOutput();
      await harm(cluster, harmed);
      const load = await WriteLoad.start(others.map((id) => cluster.url(id)));
      cluster.startNode(harmed);
      await waitFor(
        () => `${harmed} to have its vote again\n${cluster.output(harmed)}`,
        async () => {
          const leader = await cluster.leader(others);
          const { members } = await standingOf(cluster, leader);
          const own = await standingOf(cluster, harmed);
          const isVoter = members.some(({ id, role }) => id === harmed && role === 'voter');
          return isVoter && own.phase === 'running' && own.rejoining === null ? true : null;
        },
        REJOIN_TIMEOUT_MS,
      );
      await load.stop();
      expect(cluster.output(harmed)).toContain(reason);
      expect(cluster.output(harmed)).toContain('this node takes part no more with what its database holds');
      expect(load.failures).toEqual([]);
      expect(load.acknowledged.size).toBeGreaterThan(0);

      const metrics = await (await fetch(`${cluster.url(harmed)}/metrics`)).text();
      expect(metrics).toContain(`latchkey_rejoining{reason="${reason}"} 0`);
      const hashes = (await cluster.settled()).map(({ stateHash }) => stateHash);
      expect(new Set(hashes).size).toBe(1);
      for (const [key, value] of load.acknowledged) expect((await client.kv.get(key))?.text()).toBe(value);
      // Its vote counts: without one of the others there is a majority.
      const gone = others[0] ?? '';
      await cluster.kill(gone);
      await cluster.leader(cluster.ids.filter((id) => id !== gone));
      await client.kv.put(`${reason}/end`, 'reached');
      cluster.startNode(gone);
      await cluster.leader();
      await client.kv.delete({ prefix: 'load/' });
    },
    STORY_TIMEOUT_MS,
  );

  it(
    'was wiped while the others have no majority is told so, is not ready, and begins nothing anew',
    async () => {
      const harmed = await cluster.follower();
      const [other = '', third = ''] = cluster.ids.filter((id) => id !== harmed);
      await cluster.kill(harmed);
      await cluster.kill(other);
      await replaceDatabase(cluster, harmed, 'template0');
      cluster.startNode(harmed);
      await waitFor('the node to know', async () =>
        (await standingOf(cluster, harmed)).phase === 'rejoining' ? true : null,
      );
      const ready = await fetch(`${cluster.url(harmed)}/readyz`);
      expect(ready.status).toBe(503);
      expect(await ready.text()).toContain('another one than the cluster knows');
      expect(await (await fetch(`${cluster.url(harmed)}/metrics`)).text()).toContain(
        'latchkey_rejoining{reason="replaced"} 1',
      );
      expect(
        await queryOnce(cluster.databaseUrl(harmed), 'SELECT current_term::int AS term FROM latchkey.store'),
      ).toEqual([{ term: 0 }]);
      expect((await cluster.status(third)).nodeId).toBe(third);
      cluster.startNode(other);
      await waitFor(
        'the node to be back',
        async () => {
          const { phase, rejoining } = await standingOf(cluster, harmed);
          return phase === 'running' && rejoining === null ? true : null;
        },
        REJOIN_TIMEOUT_MS,
      );
      await client.kv.put('after', 'all');
    },
    STORY_TIMEOUT_MS,
  );
});
