import { connect, type Latchkey } from '@latchkey/sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EventStreamReader } from '../../apps/server/src/test-support/event-stream-reader.js';
import { queryOnce } from '../support/postgres.js';
import { TestCluster } from '../support/test-cluster.js';
import { waitFor } from '../support/wait-for.js';
import { WriteLoad } from '../support/write-load.js';

const SNAPSHOT_ENTRIES = 50;
const WRITES = 400;
/** Those since the last checkpoint, those kept for slow peers, and as many again while a checkpoint is being saved. */
const MAX_STORED_ENTRIES = 4 * SNAPSHOT_ENTRIES;
const SESSION_TTL_MS = 30_000;

describe('a state that is saved every few entries', () => {
  let cluster: TestCluster;
  let client: Latchkey;
  beforeAll(async () => {
    cluster = await TestCluster.start({ settings: { LATCHKEY_SNAPSHOT_ENTRIES: String(SNAPSHOT_ENTRIES) } });
    client = await connect({ endpoints: cluster.endpoints, sessionTtlMs: SESSION_TTL_MS, requestTimeoutMs: 20_000 });
  });
  afterAll(async () => {
    await client.close();
    await cluster[Symbol.asyncDispose]();
  });

  it('keeps the stored log short', async () => {
    for (let count = 0; count < WRITES; count += 1) await client.kv.put(`written/${count % 10}`, String(count));
    for (const id of cluster.ids) {
      await waitFor(`${id} to compact its log`, async () => {
        const { firstLogIndex, lastLogIndex, checkpointIndex } = await cluster.status(id);
        const isShort = firstLogIndex > WRITES - MAX_STORED_ENTRIES && checkpointIndex >= firstLogIndex - 1;
        return isShort && (await storedEntries(cluster, id)) <= MAX_STORED_ENTRIES ? lastLogIndex : null;
      });
    }
  });

  it('comes back from it after a restart: keys, their history, locks, sessions, all of it', async () => {
    const lock = await client.lock('held').acquire();
    const watched = await client.kv.put('written/last', 'before');
    await Promise.all(cluster.ids.map((id) => cluster.kill(id)));
    for (const id of cluster.ids) cluster.startNode(id);
    await cluster.leader();
    for (const id of cluster.ids) expect((await cluster.status(id)).firstLogIndex).toBeGreaterThan(1);

    // The same session, counting on.
    await client.kv.put('written/last', 'after');
    lock.assertHeld();
    expect((await client.lock('held').inspect()).holders).toMatchObject([{ fencingToken: lock.fencingToken }]);
    expect(await client.kv.get('written/last')).toMatchObject({ version: 2 });
    expect((await client.kv.get('written/0'))?.text()).toBe(String(WRITES - 10));
    const old = await client.kv.get('written/last', { revision: watched.revision });
    expect(old?.text()).toBe('before');
    await lock.release();
    expect(await sameHashes(cluster)).toBe(true);
  });

  it('is sent to a follower that was away for too long, under load, and its watches miss nothing', async () => {
    const away = await cluster.follower();
    const others = cluster.ids.filter((id) => id !== away);
    const watch = await EventStreamReader.open(`${cluster.url(away)}/v1/watch?prefix=load/`);
    await waitFor('the watch to be open', () => (watch.response.ok ? true : null));
    const load = await WriteLoad.start(others.map((id) => cluster.url(id)));
    await waitFor('the watch to see the load', () => (watch.events.length > 0 ? true : null));

    cluster.pauseNode(away);
    const leader = await cluster.leader(others);
    // What was sent until then waits in the buffers of the system, and would be enough to catch up.
    const sentIndex = await waitFor('the leader to notice', async () => {
      const { lastLogIndex, members } = await cluster.status(leader);
      return members.some(({ id, connected }) => id === away && !connected) ? lastLogIndex : null;
    });
    await waitFor('the log to be compacted beyond it', async () => {
      const { firstLogIndex } = await cluster.status(leader);
      return firstLogIndex > sentIndex ? true : null;
    });
    cluster.resumeNode(away);
    await waitFor('a snapshot to be installed', async () => ((await snapshotsTaken(cluster, away)) > 0 ? true : null));
    await load.stop();

    expect(load.failures).toEqual([]);
    expect(await sameHashes(cluster)).toBe(true);
    const { revision } = await client.kv.put('load/end', 'reached');
    await waitFor('the watch to reach the end', () => (Number(watch.events.at(-1)?.id) >= revision ? true : null));
    watch.close();
    const seen = watch.events.map(({ data }) => String(data['key'])).filter((key) => key !== 'load/end');
    expect(new Set(seen).size).toBe(seen.length);
    // It was opened before the first write.
    expect(seen.toSorted()).toEqual([...load.acknowledged.keys()].toSorted());
  });
});

async function storedEntries(cluster: TestCluster, id: string): Promise<number> {
  const [row] = await queryOnce(
    cluster.databaseUrl(id),
    'SELECT coalesce(sum(last_index - first_index + 1), 0)::int AS count FROM latchkey.log_batch',
  );
  return Number(row?.['count']);
}

async function snapshotsTaken(cluster: TestCluster, id: string): Promise<number> {
  const text = await (await fetch(`${cluster.url(id)}/metrics`)).text();
  return Number(/latchkey_snapshot_transfers_total\{direction="in",result="completed"\} (\d+)/.exec(text)?.[1] ?? 0);
}

async function sameHashes(cluster: TestCluster): Promise<boolean> {
  const statuses = await cluster.settled();
  return new Set(statuses.map(({ stateHash }) => stateHash)).size === 1;
}
