import { connect, type Latchkey } from '@latchkey/sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestCluster } from '../support/test-cluster.js';
import { waitFor } from '../support/wait-for.js';

describe('three real nodes on real Postgres', () => {
  let cluster: TestCluster;
  let client: Latchkey;

  beforeAll(async () => {
    cluster = await TestCluster.start();
    client = await connect({ endpoints: cluster.endpoints });
  });
  afterAll(async () => {
    await client.close();
    await cluster[Symbol.asyncDispose]();
  });

  it('elects one leader that all nodes follow in one term', async () => {
    const leader = await cluster.leader();
    const statuses = await Promise.all(cluster.ids.map((id) => cluster.status(id)));
    expect(statuses.filter(({ role }) => role === 'leader').map(({ nodeId }) => nodeId)).toEqual([leader]);
    expect(new Set(statuses.map(({ term }) => term)).size).toBe(1);
  });

  it('serves writes and linearizable reads through a follower', async () => {
    const [follower, leader] = [await cluster.follower(), await cluster.leader()];
    const atFollower = await connect({ endpoints: [cluster.url(follower)] });
    const atLeader = await connect({ endpoints: [cluster.url(leader)] });
    try {
      const { revision } = await atFollower.kv.put('forwarded', 'by a follower');
      const read = await atLeader.kv.get('forwarded');
      expect(read).toMatchObject({ modRevision: revision });
      expect(read?.text()).toBe('by a follower');
      await atLeader.kv.put('forwarded', 'by the leader');
      expect((await atFollower.kv.get('forwarded'))?.text()).toBe('by the leader');
    } finally {
      await Promise.all([atFollower.close(), atLeader.close()]);
    }
  });

  it('reaches the same state hash on all nodes', async () => {
    await client.kv.put('hashed', 'value');
    const statuses = await cluster.settled();
    expect(new Set(statuses.map(({ stateHash }) => stateHash)).size).toBe(1);
  });

  it('keeps everything when one node restarts, and that node catches up', async () => {
    const node = await cluster.follower();
    await client.kv.put('before-restart', '1');
    expect(await cluster.stop(node)).toBe(0);
    await client.kv.put('while-away', '2');
    cluster.startNode(node);
    await cluster.leader();
    const direct = await connect({ endpoints: [cluster.url(node)] });
    try {
      expect((await direct.kv.get('before-restart'))?.text()).toBe('1');
      expect((await direct.kv.get('while-away'))?.text()).toBe('2');
    } finally {
      await direct.close();
    }
  });

  it('keeps everything when all nodes are killed at once', async () => {
    const { revision } = await client.kv.put('before-blackout', 'kept');
    await Promise.all(cluster.ids.map((id) => cluster.kill(id)));
    for (const id of cluster.ids) cluster.startNode(id);
    await cluster.leader();
    expect(await client.kv.get('before-blackout')).toMatchObject({ modRevision: revision });
  });

  it('refuses to write in a minority, and nothing of the attempt appears afterwards', async () => {
    const survivor = await cluster.leader();
    const others = cluster.ids.filter((id) => id !== survivor);
    await Promise.all(others.map((id) => cluster.kill(id)));
    await waitFor('the leader to notice that it is alone', async () => {
      const { role } = await cluster.status(survivor);
      return role === 'leader' ? null : role;
    });
    const response = await fetch(`${cluster.url(survivor)}/v1/kv/minority`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ value: 'must not appear' }),
    });
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({ code: 'UNAVAILABLE', retry: 'safe' });
    const stale = await fetch(`${cluster.url(survivor)}/v1/kv/before-blackout?consistency=serializable`);
    expect(stale.status).toBe(200);

    for (const id of others) cluster.startNode(id);
    await cluster.leader();
    expect(await client.kv.get('minority')).toBeNull();
  });
});
