import { describe, expect, it } from 'vitest';
import { A_MOMENT_MS, ClientWorld, SESSION_TTL_MS, track } from '../test-support/client-world.js';
import type { Leader } from './election-observer.js';
import type { Leadership } from './leadership.js';

async function twoCandidates() {
  const world = new ClientWorld();
  const a = await world.connect();
  const b = await world.connect();
  return { world, a: a.client.election('scheduler'), b: b.client.election('scheduler'), coreA: a.core };
}

describe('election', () => {
  it('has one leader, and the next candidate follows when it resigns', async () => {
    const { world, a, b } = await twoCandidates();
    const leadership = await world.finish(a.campaign({ host: 'a' }));
    const candidate = track(b.campaign({ host: 'b' }));
    await world.clock.advance(A_MOMENT_MS);
    expect(candidate.state).toBe('pending');
    expect(await world.finish(b.leader())).toMatchObject({
      value: { host: 'a' },
      fencingToken: leadership.fencingToken,
    });
    await world.finish(leadership.resign());
    await world.clock.advance(A_MOMENT_MS);
    const next = candidate.value as Leadership;
    expect(next.fencingToken).toBeGreaterThan(leadership.fencingToken);
    expect(leadership.signal.aborted).toBe(true);
  });

  it('shows an observer the leader, then every other one, also when the first one just vanishes', async () => {
    const { world, a, b, coreA } = await twoCandidates();
    const seen: Leader[] = [];
    await world.finish(a.campaign('a'));
    void (async () => {
      for await (const leader of b.observe()) seen.push(leader);
    })();
    await world.clock.advance(A_MOMENT_MS);
    const next = track(b.campaign('b'));
    await world.clock.advance(A_MOMENT_MS);
    world.cluster.store.endLease(coreA.session?.id ?? '');
    await world.clock.advance(SESSION_TTL_MS);
    expect(next.state).toBe('resolved');
    expect(seen.map(({ value }) => value)).toEqual(['a', 'b']);
  });

  it('shows every leader also to an observer who reads only after several of them', async () => {
    const { world, a, b } = await twoCandidates();
    const leaders = b.observe();
    const first = await world.finish(a.campaign('a'));
    expect(await world.finish(leaders.next())).toMatchObject({ value: { value: 'a' } });
    const second = track(leaders.next());
    await world.clock.advance(A_MOMENT_MS);
    await world.finish(first.resign());
    for (const value of ['b', 'c', 'd']) await world.finish((await world.finish(b.campaign(value))).resign());
    expect(second.value).toMatchObject({ value: { value: 'b' } });
    expect(await world.finish(leaders.next())).toMatchObject({ value: { value: 'c' } });
    expect(await world.finish(leaders.next())).toMatchObject({ value: { value: 'd' } });
  });

  it('does not take the candidates of an election with a longer name for its own', async () => {
    const { world } = await twoCandidates();
    const { client } = await world.connect();
    await world.finish(client.election('scheduler/nightly').campaign('other'));
    expect(await world.finish(client.election('scheduler').leader())).toBeNull();
  });
});
