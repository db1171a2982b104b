import { beforeAll, describe, expect, it } from 'vitest';
import { DatabaseCluster, MAX_GAP_MS, MAX_RETURN_MS, type Felt } from '../support/database-cluster.js';
import type { AppendEnding } from '../support/node-database.js';
import type { CutPlace } from '../support/postgres-wire.js';

/** What becomes of the writes whose sessions are ended; the node is told the same of both. */
const ENDINGS: readonly AppendEnding[] = ['committed', 'rolledBack', 'committed', 'rolledBack'];
const WRITES_MEANWHILE = 5;
const STORY_LIMIT_MS = 150_000;
/** In the log of a node that cannot know whether its write was committed. */
const UNKNOWN = '"code":"outcomeUnknown"';

describe('a node whose connection to Postgres is lost, under load', { timeout: STORY_LIMIT_MS }, () => {
  let cluster: DatabaseCluster;
  beforeAll(async () => {
    cluster = await DatabaseCluster.start({ allowStandby: true });
    return () => cluster[Symbol.asyncDispose]();
  });

  it.each<[CutPlace, string]>([
    ['reply', 'after its commit, whose answer is lost'],
    ['request', 'before its commit arrives'],
  ])('as a leader (%s): it says nothing %s, before it has read what is there (FAILURE-MODES 27)', async (place) => {
    const leader = await cluster.nodes.leader();
    const felt = await cluster.survive(leader, `leader's wire cut at the ${place} of a commit`, async () => {
      await cluster.database(leader).wire.cutNextAppend(place);
      await cluster.says(leader, UNKNOWN);
    });
    expectShort(felt);
  });

  it.each<[CutPlace, string]>([
    ['reply', 'after its commit, whose answer is lost'],
    ['request', 'before its commit arrives'],
  ])('as the follower that every commit needs (%s): no write counts on it %s', async (place) => {
    const leader = await cluster.nodes.leader();
    const [follower, asleep] = cluster.othersThan(leader) as [string, string];
    const felt = await cluster.survive(follower, `follower's wire cut at the ${place} of a commit`, async () => {
      cluster.nodes.pauseNode(asleep);
      try {
        await cluster.database(follower).wire.cutNextAppend(place);
        await cluster.says(follower, UNKNOWN);
        // Only the two of them can acknowledge these: they are in the follower's database.
        await cluster.load.more(WRITES_MEANWHILE);
        const told = await cluster.toldDurable(follower, leader);
        expect(told).toBeLessThanOrEqual(await cluster.database(follower).lastLogIndex());
      } finally {
        cluster.nodes.resumeNode(asleep);
      }
    });
    expectShort(felt);
  });

  it('as whoever leads, again and again: an administrator ends its session in COMMIT, or just before', async () => {
    const first = await cluster.nodes.leader();
    const felt = await cluster.survive(
      first,
      `pg_terminate_backend at whoever leads: ${ENDINGS.join(', ')}`,
      async () => {
        for (const ending of ENDINGS) {
          const leader = await cluster.nodes.leader();
          cluster.nodes.forgetOutput();
          await cluster.database(leader).endAppend(ending);
          await cluster.says(leader, UNKNOWN);
          await cluster.load.more(WRITES_MEANWHILE);
        }
      },
    );
    expectShort(felt);
  });

  it('and that finds no free connection any more: it waits until there is one, and says so', async () => {
    const leader = await cluster.nodes.leader();
    const database = cluster.database(leader);
    const felt = await cluster.survive(leader, 'all connections taken by others', async () => {
      database.wire.close();
      const giveBack = await database.exhaust();
      database.wire.open();
      await cluster.blames(leader, /the database has no connection left/);
      await cluster.nodes.leader(cluster.othersThan(leader));
      await giveBack();
    });
    expectShort(felt);
  });

  it('has lost nothing that it acknowledged, also when everything loses its power at the end', async () => {
    await cluster.blackout();
    expect(await cluster.load.violations()).toEqual([]);
    expect((await cluster.stateHashes()).size).toBe(1);
  });
});

function expectShort({ gapMs, backMs }: Felt): void {
  expect(gapMs).toBeLessThan(MAX_GAP_MS);
  expect(backMs).toBeLessThan(MAX_RETURN_MS);
}
