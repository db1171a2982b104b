import { beforeAll, describe, expect, it } from 'vitest';
import { DatabaseCluster, MAX_GAP_MS, MAX_RETURN_MS } from '../support/database-cluster.js';
import { SmallDisk } from '../support/small-disk.js';

const SMALL_DISK_BYTES = 256 * 1024 * 1024;
const ON_SMALL_DISK = 'n1';
const WRITES_MEANWHILE = 100;
/** A server without room for its WAL ends, instead of saying so. */
const FULL =
  /the disk of the database is full|the database is stopping or starting|nothing listens|there is no connection/;
const STORY_LIMIT_MS = 150_000;

const disk = await SmallDisk.mount(SMALL_DISK_BYTES);
const removeDisk = async (): Promise<void> => {
  if ('directory' in disk) await disk[Symbol.asyncDispose]();
};

describe('a leader whose Postgres answers, but takes no writes, under load', { timeout: STORY_LIMIT_MS }, () => {
  let cluster: DatabaseCluster;
  beforeAll(async () => {
    const directories = new Map('directory' in disk ? [[ON_SMALL_DISK, disk.directory]] : []);
    try {
      cluster = await DatabaseCluster.start({ directories });
    } catch (error) {
      await removeDisk();
      throw error;
    }
    return async () => {
      await cluster[Symbol.asyncDispose]();
      await removeDisk();
    };
  });

  it('which is made read-only: another leads, and it follows as soon as it may write again', async () => {
    const leader = await cluster.nodes.leader();
    const database = cluster.database(leader);
    const felt = await cluster.survive(leader, 'Postgres of the leader read-only', async () => {
      await database.set('default_transaction_read_only', 'on');
      await cluster.nodes.leader(cluster.othersThan(leader));
      await cluster.load.more(WRITES_MEANWHILE);
      await expectOnlyDurableTold(cluster, leader);
      await cluster.blames(leader, /the database is read-only/);
      await database.set('default_transaction_read_only', null);
    });
    expect(felt.gapMs).toBeLessThan(MAX_GAP_MS);
    expect(felt.backMs).toBeLessThan(MAX_RETURN_MS);
  });

  it('whose tables somebody locks until it gives its write up: another leads, and it follows when the lock is gone', async () => {
    const leader = await cluster.nodes.leader();
    const felt = await cluster.survive(leader, 'tables of the leader locked', async () => {
      const unlock = await cluster.database(leader).lockTables();
      try {
        await cluster.nodes.leader(cluster.othersThan(leader));
        await cluster.says(leader, 'the server does not answer');
        await cluster.blames(leader, /the database does not answer/);
        await cluster.load.more(WRITES_MEANWHILE);
      } finally {
        await unlock();
      }
    });
    expect(felt.gapMs).toBeLessThan(MAX_GAP_MS);
    expect(felt.backMs).toBeLessThan(MAX_RETURN_MS);
  });

  it('whose disk is full: another leads, and it follows as soon as there is room (FAILURE-MODES 31)', async (context) => {
    if (!('directory' in disk)) return context.skip(disk.missing);
    const database = cluster.database(ON_SMALL_DISK);
    await cluster.letLead(ON_SMALL_DISK);
    // As servers have it by default: the WAL has its blocks before they are written, so the tables are what is full first.
    await database.set('wal_init_zero', 'on');
    const felt = await cluster.survive(ON_SMALL_DISK, 'disk of the leader full', async () => {
      await disk.fill();
      await cluster.nodes.leader(cluster.othersThan(ON_SMALL_DISK));
      await cluster.blames(ON_SMALL_DISK, FULL);
      await cluster.load.more(WRITES_MEANWHILE);
      await disk.free();
      // A server that could not even write its WAL has ended; whoever looks after it starts it again.
      if (database.hasEnded) await database.startAgain();
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

/** The others count nothing of the node that is not in its database. */
async function expectOnlyDurableTold(cluster: DatabaseCluster, node: string): Promise<void> {
  const leader = await cluster.nodes.leader(cluster.othersThan(node));
  const told = await cluster.toldDurable(node, leader);
  expect(told).toBeLessThanOrEqual(await cluster.database(node).lastLogIndex());
}
