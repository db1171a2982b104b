import { beforeAll, describe, expect, it } from 'vitest';
import { DatabaseCluster, MAX_GAP_MS, MAX_RETURN_MS } from '../support/database-cluster.js';
import type { StopMode } from '../support/node-database.js';

/** They take about a second: the pauses between the node's attempts have grown by then. */
const WRITES_WHILE_AWAY = 100;
/** Of a node whose server does not listen, or ends sessions. */
const AWAY = /nothing listens where the database should be|the database is stopping or starting|there is no connection/;
/** In the log of a node that does not lead any more. */
const FOLLOWS = '"role":"follower"';
const STORY_LIMIT_MS = 150_000;

describe('a leader whose Postgres goes away and comes back, under load', { timeout: STORY_LIMIT_MS }, () => {
  let cluster: DatabaseCluster;
  beforeAll(async () => {
    cluster = await DatabaseCluster.start();
    return () => cluster[Symbol.asyncDispose]();
  });

  it.each<[StopMode, string]>([
    ['fast', 'is stopped in order'],
    ['immediate', 'is stopped at once'],
    ['kill', 'loses its postmaster to the OOM killer'],
  ])('(%s) which %s: another leads, and it follows as soon as the server is back', async (mode) => {
    const leader = await cluster.nodes.leader();
    const database = cluster.database(leader);
    const felt = await cluster.survive(leader, `Postgres of the leader away (${mode})`, async () => {
      await database.stop(mode);
      await cluster.nodes.leader(cluster.othersThan(leader));
      await cluster.load.more(WRITES_WHILE_AWAY);
      await cluster.blames(leader, AWAY);
      await database.startAgain();
    });
    expect(felt.gapMs).toBeLessThan(MAX_GAP_MS);
    expect(felt.backMs).toBeLessThan(MAX_RETURN_MS);
  });

  it('which hangs for a while: it gives its office up, and its late write does no harm (FAILURE-MODES 30)', async () => {
    const leader = await cluster.nodes.leader();
    const felt = await cluster.survive(leader, 'Postgres of the leader hung', async () => {
      await cluster.database(leader).freeze();
      try {
        await cluster.says(leader, FOLLOWS);
        await cluster.blames(leader, /the database does not answer/);
      } finally {
        await cluster.database(leader).thaw();
      }
    });
    // It had not given its write up.
    expect(cluster.nodes.output(leader)).not.toContain('the store failed');
    expect(felt.gapMs).toBeLessThan(MAX_GAP_MS);
    expect(felt.backMs).toBeLessThan(MAX_RETURN_MS);
  });

  it('which hangs for so long that it gives it up: what the old session still writes then, it reads', async () => {
    const leader = await cluster.nodes.leader();
    const felt = await cluster.survive(leader, 'Postgres of the leader hung until given up', async () => {
      await cluster.database(leader).freeze();
      try {
        await cluster.nodes.leader(cluster.othersThan(leader));
        await cluster.says(leader, 'the server does not answer');
        await cluster.blames(leader, /the database does not answer/);
      } finally {
        await cluster.database(leader).thaw();
      }
    });
    expect(felt.gapMs).toBeLessThan(MAX_GAP_MS);
    expect(felt.backMs).toBeLessThan(MAX_RETURN_MS);
  });

  it('at the same moment as those of all others: somebody leads again as soon as the servers are back', async () => {
    const databases = cluster.nodes.ids.map((id) => cluster.database(id));
    const leader = await cluster.nodes.leader();
    const felt = await cluster.survive(leader, 'Postgres of all away (immediate)', async () => {
      await Promise.all(databases.map((database) => database.stop('immediate')));
      // The others may have nothing to write before they know a leader again, and so notice nothing.
      await cluster.blames(leader, AWAY);
      await Promise.all(databases.map((database) => database.startAgain()));
    });
    expect(felt.gapMs).toBeLessThan(MAX_GAP_MS);
    expect(felt.backMs).toBeLessThan(MAX_RETURN_MS);
  });

  it('has lost nothing that was acknowledged, also when everything loses its power at the end', async () => {
    await cluster.blackout();
    expect(await cluster.load.violations()).toEqual([]);
    expect((await cluster.stateHashes()).size).toBe(1);
  });
});
