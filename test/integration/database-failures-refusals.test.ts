import { beforeAll, describe, expect, it } from 'vitest';
import { queryOnce, testPostgres } from '../support/postgres.js';
import { RecordedLoad } from '../support/recorded-load.js';
import { TestCluster } from '../support/test-cluster.js';

/** docs/cli.md, `node`: it cannot use its database. */
const DATABASE_EXIT_CODE = 4;
const WRITES_BETWEEN = 30;
const STORY_LIMIT_MS = 150_000;

describe('a database that a node must not go on with, under load', { timeout: STORY_LIMIT_MS }, () => {
  let cluster: TestCluster;
  let load: RecordedLoad;
  beforeAll(async () => {
    cluster = await TestCluster.start();
    load = await RecordedLoad.start(cluster.endpoints);
    return async () => {
      await load.stop();
      await cluster[Symbol.asyncDispose]();
    };
  });

  it('has been taken over by a second process: the older one, which leads, ends at its next write (FAILURE-MODES 33)', async () => {
    const leader = await cluster.leader();
    const twin = await twinOf(cluster, leader);
    try {
      const startedAtMs = performance.now();
      twin.startNode(leader);
      expect(await cluster.ended(leader)).toBe(DATABASE_EXIT_CODE);
      expect(cluster.output(leader)).toMatch(/^latchkey: database \(fenced\): [^\n]*another process[^\n]*$/m);
      await load.more(WRITES_BETWEEN);
      const gapMs = Math.round(load.longestGapMs(startedAtMs));
      console.info(`second process on the leader's database: ${gapMs} ms without an acknowledged write`);
    } finally {
      await twin[Symbol.asyncDispose]();
    }
    cluster.startNode(leader);
    await cluster.leader();
    await load.more(WRITES_BETWEEN);
  });

  it.each(['fsync', 'full_page_writes', 'synchronous_commit'])(
    'is on a server with %s off: the node refuses to start, and says why in one line (FAILURE-MODES 28)',
    async (setting) => {
      const node = await cluster.follower();
      await cluster.kill(node);
      cluster.forgetOutput();
      await withServerSettingOff(setting, async () => {
        cluster.startNode(node);
        expect(await cluster.ended(node)).toBe(DATABASE_EXIT_CODE);
        const line = new RegExp(`^latchkey: database \\(unsafe\\): [^\\n]*${setting} = off[^\\n]*$`, 'm');
        expect(cluster.output(node)).toMatch(line);
      });
      cluster.startNode(node);
      await cluster.leader();
    },
  );

  it('has become unsafe when the node must connect anew: it ends instead of going on', async () => {
    const node = await cluster.follower();
    cluster.forgetOutput();
    await withServerSettingOff('fsync', async () => {
      const database = new URL(cluster.databaseUrl(node)).pathname.slice(1);
      const { url } = await testPostgres();
      await queryOnce(url, 'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1', [database]);
      expect(await cluster.ended(node)).toBe(DATABASE_EXIT_CODE);
      expect(cluster.output(node)).toMatch(/^latchkey: database \(unsafe\): [^\n]*fsync = off[^\n]*$/m);
    });
    cluster.startNode(node);
    await cluster.leader();
  });

  it('has cost no acknowledged write', async () => {
    await load.stop();
    expect(await load.violations()).toEqual([]);
    const statuses = await cluster.settled();
    expect(new Set(statuses.map(({ stateHash }) => stateHash)).size).toBe(1);
  });
});

/** A process with the same name on the same database, as an overlapping restart on another machine would start it. */
function twinOf(cluster: TestCluster, id: string): Promise<TestCluster> {
  return TestCluster.prepare({
    settings: { LATCHKEY_PEERS: cluster.peers },
    databaseUrls: new Map([[id, cluster.databaseUrl(id)]]),
  });
}

/** For new sessions of the whole server; those of the running nodes stay as they are. */
async function withServerSettingOff(setting: string, story: () => Promise<void>): Promise<void> {
  const { url } = await testPostgres();
  await queryOnce(url, `ALTER SYSTEM SET ${setting} = off`);
  await queryOnce(url, 'SELECT pg_reload_conf()');
  try {
    await story();
  } finally {
    await queryOnce(url, `ALTER SYSTEM RESET ${setting}`);
    await queryOnce(url, 'SELECT pg_reload_conf()');
  }
}
