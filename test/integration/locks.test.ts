import { connect, LockHeldError, type Latchkey } from '@latchkey/sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TcpProxy } from '../support/tcp-proxy.js';
import { TestCluster } from '../support/test-cluster.js';
import { waitFor } from '../support/wait-for.js';

const WAITERS = 8;
const SHORT_TTL_MS = 1_000;

describe('locks on a real cluster', () => {
  let cluster: TestCluster;
  const clients: Latchkey[] = [];

  const newClient = async (options: { endpoints?: readonly string[]; sessionTtlMs?: number } = {}) => {
    const client = await connect({ endpoints: cluster.endpoints, ...options });
    clients.push(client);
    return client;
  };
  const queueLength = async (client: Latchkey, name: string) => (await client.lock(name).inspect()).queue.length;

  beforeAll(async () => {
    cluster = await TestCluster.start();
  });
  afterAll(async () => {
    await Promise.all(clients.map((client) => client.close()));
    await cluster[Symbol.asyncDispose]();
  });

  it('hands a lock on in the order of asking, with tokens that grow', async () => {
    const observer = await newClient();
    const first = await observer.lock('fifo').acquire();
    const waiting: Promise<{ readonly waiter: number; readonly fencingToken: number }>[] = [];
    for (let waiter = 0; waiter < WAITERS; waiter += 1) {
      const endpoint = cluster.endpoints[waiter % cluster.endpoints.length] ?? '';
      const client = await newClient({ endpoints: [endpoint] });
      waiting.push(client.lock('fifo').run(({ fencingToken }) => ({ waiter, fencingToken })));
      await waitFor(`waiter ${waiter} in the queue`, async () =>
        (await queueLength(observer, 'fifo')) === waiter + 1 ? true : null,
      );
    }
    await first.release();
    const granted = await Promise.all(waiting);
    const byToken = granted.toSorted((one, other) => one.fencingToken - other.fencingToken);
    expect(byToken.map(({ waiter }) => waiter)).toEqual(Array.from({ length: WAITERS }, (_, waiter) => waiter));
    expect(byToken[0]?.fencingToken).toBeGreaterThan(first.fencingToken);
  });

  it('tells busy from broken: a held lock is LockHeldError or null, with its holder', async () => {
    const [holder, other] = [await newClient(), await newClient()];
    await using lock = await holder.lock('busy').acquire({ owner: { job: 'nightly' } });
    expect(await other.lock('busy').tryAcquire()).toBeNull();
    await expect(other.lock('busy').acquire({ waitMs: 50 })).rejects.toBeInstanceOf(LockHeldError);
    const { holders, queue } = await other.lock('busy').inspect();
    expect(holders).toMatchObject([{ owner: { job: 'nightly' }, fencingToken: lock.fencingToken }]);
    expect(queue).toEqual([]);
  });

  it('frees the lock of a client that vanished, once its lease has run out', async () => {
    const response = await fetch(`${cluster.endpoints[0]}/v1/leases`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ttlMs: SHORT_TTL_MS }),
    });
    const { id } = (await response.json()) as { id: string };
    const grantedMs = performance.now();
    const acquired = await fetch(`${cluster.endpoints[1]}/v1/locks/orphan/acquire`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ lease: id, mode: 'exclusive', waitMs: 0 }),
    });
    expect(acquired.status).toBe(200);
    const client = await newClient();
    const lock = await client.lock('orphan').acquire({ waitMs: 10_000 });
    expect(performance.now() - grantedMs).toBeGreaterThan(SHORT_TTL_MS - 50);
    await lock.release();
  });

  it("aborts a cut-off holder's signal before the next one gets the lock", async () => {
    const leader = await cluster.leader();
    await using wire = await TcpProxy.to(cluster.clientPort(leader));
    const cutOff = await newClient({ endpoints: [wire.url], sessionTtlMs: SHORT_TTL_MS });
    const next = await newClient();
    const lock = await cutOff.lock('handover').acquire();
    let abortedMs = Infinity;
    lock.signal.addEventListener('abort', () => {
      abortedMs = performance.now();
    });
    const acquiring = next
      .lock('handover')
      .acquire()
      .then((nextLock) => ({ nextLock, grantedMs: performance.now() }));
    await waitFor('the next one in the queue', async () => ((await queueLength(next, 'handover')) === 1 ? true : null));

    wire.blackhole();
    const { nextLock, grantedMs } = await acquiring;
    expect(abortedMs).toBeLessThan(grantedMs);
    expect(() => lock.assertHeld()).toThrow();
    expect(nextLock.fencingToken).toBeGreaterThan(lock.fencingToken);
    await nextLock.release();
  });

  it('keeps a lock through the death of the leader', async () => {
    const [holder, other] = [await newClient(), await newClient()];
    const lock = await holder.lock('survivor').acquire();
    const leader = await cluster.leader();
    await cluster.kill(leader);
    await cluster.leader();
    expect(await other.lock('survivor').tryAcquire()).toBeNull();
    lock.assertHeld();
    const acquiring = other.lock('survivor').acquire();
    await lock.release();
    const next = await acquiring;
    expect(next.fencingToken).toBeGreaterThan(lock.fencingToken);
    await next.release();
    cluster.startNode(leader);
    await cluster.leader();
  });
});
