import { describe, expect, it } from 'vitest';
import { OutcomeUnknownError, RevisionMismatchError, UnavailableError } from '../errors/latchkey-error.js';
import { A_MOMENT_MS, ClientWorld, NODE_1, NODE_2, REQUEST_TIMEOUT_MS, track } from '../test-support/client-world.js';
import { refusal } from '../test-support/fake-store.js';
import { MAX_ID_WINDOW, UNAVAILABLE_FAILOVER_MS } from './request-pipeline.js';

const MANY = 100;

async function connected() {
  const world = new ClientWorld();
  const { core, client } = await world.connect();
  return { world, core, client, cluster: world.cluster };
}

describe('coalescing', () => {
  it('puts the calls of one tick into one frame, with ids that grow by one', async () => {
    const { world, client, cluster } = await connected();
    const framesBefore = cluster.node(NODE_1).frames.length;
    const puts = Array.from({ length: MANY }, (_, index) => client.kv.put(`k${index}`, 'v'));
    await world.finish(Promise.all(puts));
    const frames = cluster
      .node(NODE_1)
      .frames.slice(framesBefore)
      .filter(([, session]) => session !== null);
    expect(frames).toHaveLength(1);
    const ids = frames[0]?.[2].map(([id]) => id) ?? [];
    expect(ids).toEqual(Array.from({ length: MANY }, (_, index) => (ids[0] ?? 0) + index));
  });

  it('tells the node which answers have arrived', async () => {
    const { world, core, client, cluster } = await connected();
    await world.finish(client.kv.put('a', '1'));
    await world.finish(client.kv.put('b', '1'));
    const [acknowledgedThrough, session, requests] = cluster.node(NODE_1).frames.findLast(([, s]) => s !== null) ?? [
      0,
      null,
      [],
    ];
    expect(session).toBe(core.session?.id);
    expect(acknowledgedThrough).toBe((requests[0]?.[0] ?? 0) - 1);
  });

  it('keeps a window of ids, so that a node never has to remember more outcomes of a session than it can', async () => {
    const { world, client, cluster } = await connected();
    cluster.node(NODE_1).losesAnswers = true;
    const puts = Array.from({ length: MAX_ID_WINDOW + MANY }, (_, index) => client.kv.put(`k${index}`, 'v'));
    await world.clock.advance(A_MOMENT_MS);
    expect(cluster.arrivals('put').length).toBeLessThanOrEqual(MAX_ID_WINDOW);
    cluster.node(NODE_1).losesAnswers = false;
    cluster.kill(NODE_1);
    await world.finish(Promise.all(puts), REQUEST_TIMEOUT_MS / 2);
    expect(cluster.executed.filter(({ op }) => op === 'put')).toHaveLength(MAX_ID_WINDOW + MANY);
  });
});

describe('exactly once (FAILURE-MODES 38)', () => {
  it('sends a write whose answer was lost again with the same id, and it takes effect once', async () => {
    const { world, client, cluster } = await connected();
    cluster.node(NODE_1).losesAnswers = true;
    const put = client.kv.put('k', 'v');
    await world.clock.advance(A_MOMENT_MS);
    cluster.kill(NODE_1);
    await world.finish(put);
    const ids = cluster.arrivals('put');
    expect(ids).toHaveLength(2);
    expect(new Set(ids).size).toBe(1);
    expect(cluster.executed.filter(({ op }) => op === 'put')).toHaveLength(1);
  });

  it('reports an unknown outcome when the session ended between the first sending and the repeat', async () => {
    const { world, core, client, cluster } = await connected();
    cluster.node(NODE_1).losesAnswers = true;
    const put = track(client.kv.put('k', 'v'));
    await world.clock.advance(A_MOMENT_MS);
    cluster.store.endLease(core.session?.id ?? '');
    cluster.kill(NODE_1);
    await world.clock.advance(A_MOMENT_MS);
    expect(put.value).toBeInstanceOf(OutcomeUnknownError);
    expect(cluster.executed.filter(({ op }) => op === 'put')).toHaveLength(1);
  });

  it('does a write under the next session when the old one was gone before it was sent', async () => {
    const { world, core, client, cluster } = await connected();
    const lost = core.session?.id ?? '';
    cluster.store.endLease(lost);
    await world.finish(client.kv.put('k', 'v'));
    expect(core.session?.id).not.toBe(lost);
    expect(cluster.executed.filter(({ op }) => op === 'put')).toHaveLength(1);
  });

  it('repeats after "outcome unknown" under the same id', async () => {
    const { world, client, cluster } = await connected();
    let refusals = 0;
    cluster.node(NODE_1).refuse = ({ op }) => (op === 'put' && refusals++ === 0 ? refusal('OUTCOME_UNKNOWN') : null);
    await world.finish(client.kv.put('k', 'v'), 100);
    expect(new Set(cluster.arrivals('put')).size).toBe(1);
    expect(cluster.arrivals('put')).toHaveLength(2);
  });

  it('never repeats a refusal that would come again', async () => {
    const { world, client, cluster } = await connected();
    await expect(world.finish(client.kv.put('k', 'v', { ifRevision: 7 }))).rejects.toBeInstanceOf(
      RevisionMismatchError,
    );
    expect(cluster.arrivals('put')).toHaveLength(1);
  });
});

describe('deadlines', () => {
  it('says that a write may have happened when it was sent and nobody answered', async () => {
    const { world, client } = await connected();
    world.blackhole();
    const put = track(client.kv.put('k', 'v'));
    await world.clock.advance(REQUEST_TIMEOUT_MS + 1);
    expect(put.value).toBeInstanceOf(OutcomeUnknownError);
  });

  it('says that nothing was done when the write was never sent', async () => {
    const { world, client } = await connected();
    world.blackhole();
    // Until the silence has been noticed and the connection is given up.
    const first = track(client.kv.put('first', 'v'));
    await world.clock.advance(REQUEST_TIMEOUT_MS + 1);
    const second = track(client.kv.put('second', 'v'));
    await world.clock.advance(REQUEST_TIMEOUT_MS + 1);
    expect(first.value).toBeInstanceOf(OutcomeUnknownError);
    expect(second.value).toBeInstanceOf(UnavailableError);
  });

  it('says that nothing was done when every node answered "unavailable"', async () => {
    const { world, client, cluster } = await connected();
    for (const endpoint of world.endpoints) {
      cluster.node(endpoint).refuse = ({ op }) => (op === 'put' ? refusal('UNAVAILABLE') : null);
    }
    const put = track(client.kv.put('k', 'v'));
    await world.clock.advance(REQUEST_TIMEOUT_MS + 1);
    expect(put.value).toBeInstanceOf(UnavailableError);
  });

  it('never calls a read unknown', async () => {
    const { world, client } = await connected();
    world.blackhole();
    const get = track(client.kv.get('k'));
    await world.clock.advance(REQUEST_TIMEOUT_MS + 1);
    expect(get.value).toBeInstanceOf(UnavailableError);
  });
});

describe('fail-over', () => {
  it('costs a killed node a few milliseconds', async () => {
    const { world, core, client, cluster } = await connected();
    cluster.kill(NODE_1);
    await world.finish(client.kv.put('k', 'v'), A_MOMENT_MS);
    expect(core.endpoint).toBe(NODE_2);
  });

  it('leaves a node that answers nothing but "unavailable", and not at the first such answer', async () => {
    const { world, core, client, cluster } = await connected();
    cluster.node(NODE_1).refuse = ({ op }) => (op === 'put' ? refusal('UNAVAILABLE') : null);
    const put = track(client.kv.put('k', 'v'));
    await world.clock.advance(UNAVAILABLE_FAILOVER_MS / 2);
    expect(core.endpoint).toBe(NODE_1);
    await world.clock.advance(UNAVAILABLE_FAILOVER_MS * 3);
    expect(put.state).toBe('resolved');
    expect(core.endpoint).toBe(NODE_2);
  });

  it('leaves a node that is connected and silent, although the socket says nothing', async () => {
    const { world, core, client, cluster } = await connected();
    cluster.node(NODE_1).state = 'silent';
    await world.finish(client.kv.put('k', 'v'), 2_500);
    expect(core.endpoint).toBe(NODE_2);
  });

  it('stays with a node where a lock is waited for in silence', async () => {
    const { world, core, client } = await connected();
    const other = await world.connect();
    await world.finish(other.client.lock('l').acquire());
    const waiting = track(client.lock('l').acquire());
    await world.clock.advance(60_000);
    expect(waiting.state).toBe('pending');
    expect(core.endpoint).toBe(NODE_1);
  });

  it('backs off when no node can be reached, and is back soon after one can', async () => {
    const { world, client, cluster } = await connected();
    for (const endpoint of world.endpoints) cluster.kill(endpoint);
    const put = track(client.kv.put('k', 'v'));
    await world.clock.advance(REQUEST_TIMEOUT_MS / 2);
    world.heal();
    await world.clock.advance(1_100);
    expect(put.state).toBe('resolved');
  });
});

describe('a lock that is waited for while thousands of writes go by', () => {
  it('does not keep the node from forgetting their outcomes, and keeps its place when the node dies', async () => {
    const { world, client, cluster } = await connected();
    const other = await world.connect();
    const held = await world.finish(other.client.lock('l').acquire());
    const waiting = track(client.lock('l').acquire());
    await world.clock.advance(A_MOMENT_MS);
    const [waitingId = 0] = cluster.arrivals('acquire').slice(-1);
    for (let round = 0; round < 3; round += 1) {
      await world.finish(Promise.all(Array.from({ length: MAX_ID_WINDOW }, () => client.kv.put('k', 'v'))), 200);
    }
    const acknowledged = Math.max(...cluster.node(NODE_1).frames.map(([through]) => through));
    expect(acknowledged).toBeGreaterThan(waitingId);
    cluster.kill(NODE_1);
    await world.clock.advance(A_MOMENT_MS);
    expect(cluster.arrivals('acquire').at(-1)).toBeGreaterThan(waitingId);
    expect(waiting.state).toBe('pending');
    await world.finish(held.release());
    await world.clock.advance(A_MOMENT_MS);
    expect(waiting.state).toBe('resolved');
    expect(cluster.store.queue('locks', 'l')).toHaveLength(1);
  });
});

describe('close', () => {
  it('settles everything, and refuses what comes after', async () => {
    const { world, client } = await connected();
    const other = await world.connect();
    await world.finish(other.client.lock('l').acquire());
    const waiting = track(client.lock('l').acquire());
    await world.clock.advance(A_MOMENT_MS);
    await world.finish(client.close(), A_MOMENT_MS);
    await world.clock.advance(A_MOMENT_MS);
    expect(waiting.value).toMatchObject({ code: 'CLIENT_CLOSED' });
    await expect(world.finish(client.kv.get('k'))).rejects.toMatchObject({ code: 'CLIENT_CLOSED' });
  });

  it('takes a bounded time when nobody answers', async () => {
    const { world, client } = await connected();
    world.blackhole();
    await world.finish(client.close(), 2_100);
  });
});
