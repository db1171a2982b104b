import { describe, expect, it } from 'vitest';
import { LockHeldError, LockNotHeldError, UnavailableError } from '../errors/latchkey-error.js';
import {
  A_MOMENT_MS,
  ClientWorld,
  NODE_1,
  REQUEST_TIMEOUT_MS,
  SESSION_TTL_MS,
  track,
} from '../test-support/client-world.js';
import { refusal } from '../test-support/fake-store.js';

const LOCK = 'orders/42';

async function twoClients() {
  const world = new ClientWorld();
  const a = await world.connect();
  const b = await world.connect();
  return { world, a: a.client, b: b.client, coreB: b.core, queue: () => world.cluster.store.queue('locks', LOCK) };
}

describe('lock', () => {
  it('is granted to one at a time, with a token that grows', async () => {
    const { world, a, b } = await twoClients();
    const first = await world.finish(a.lock(LOCK).acquire());
    const second = track(b.lock(LOCK).acquire());
    await world.clock.advance(A_MOMENT_MS);
    expect(second.state).toBe('pending');
    await world.finish(first.release());
    await world.clock.advance(A_MOMENT_MS);
    expect(second.value).toMatchObject({ name: LOCK });
    const held = second.value as Awaited<ReturnType<ReturnType<typeof a.lock>['acquire']>>;
    expect(held.fencingToken).toBeGreaterThan(first.fencingToken);
  });

  it('answers null to an attempt while somebody else holds it, and stays out of the queue', async () => {
    const { world, a, b, queue } = await twoClients();
    await world.finish(a.lock(LOCK).acquire());
    expect(await world.finish(b.lock(LOCK).tryAcquire())).toBeNull();
    expect(queue()).toHaveLength(1);
  });

  it('is "held" when the wait is over and "unavailable" when nobody can be asked, never one for the other', async () => {
    const { world, a, b } = await twoClients();
    await world.finish(a.lock(LOCK).acquire());
    const busy = track(b.lock(LOCK).acquire({ waitMs: 500 }));
    await world.clock.advance(600);
    expect(busy.value).toBeInstanceOf(LockHeldError);
    world.blackhole();
    const broken = track(b.lock('another').acquire({ waitMs: 500 }));
    await world.clock.advance(REQUEST_TIMEOUT_MS * 2);
    expect(broken.value).toBeInstanceOf(UnavailableError);
  });

  it('keeps its place in line when the node dies', async () => {
    const { world, a, b, queue } = await twoClients();
    const first = await world.finish(a.lock(LOCK).acquire());
    const second = track(b.lock(LOCK).acquire());
    await world.clock.advance(A_MOMENT_MS);
    const [, place] = queue();
    world.cluster.kill(NODE_1);
    await world.clock.advance(A_MOMENT_MS);
    expect(queue()[1]).toEqual(place);
    await world.finish(first.release());
    await world.clock.advance(A_MOMENT_MS);
    expect(second.value).toMatchObject({ fencingToken: place?.createRevision });
  });

  it('queues again under the next session when the session is lost while waiting', async () => {
    const { world, a, b, coreB, queue } = await twoClients();
    const first = await world.finish(a.lock(LOCK).acquire());
    const second = track(b.lock(LOCK).acquire());
    await world.clock.advance(A_MOMENT_MS);
    world.cluster.store.endLease(coreB.session?.id ?? '');
    await world.clock.advance(SESSION_TTL_MS);
    expect(second.state).toBe('pending');
    expect(queue()).toHaveLength(2);
    await world.finish(first.release());
    await world.clock.advance(A_MOMENT_MS);
    expect(second.state).toBe('resolved');
  });
});

describe('giving up a wait', () => {
  it('rejects with the reason at once and leaves no place behind', async () => {
    const { world, a, b, queue } = await twoClients();
    await world.finish(a.lock(LOCK).acquire());
    const giveUp = new AbortController();
    const second = track(b.lock(LOCK).acquire({ signal: giveUp.signal }));
    await world.clock.advance(A_MOMENT_MS);
    expect(queue()).toHaveLength(2);
    giveUp.abort(new Error('enough'));
    await world.clock.advance(0);
    expect(second.value).toMatchObject({ message: 'enough' });
    await world.clock.advance(A_MOMENT_MS);
    expect(queue()).toHaveLength(1);
  });

  it('gives back a grant that was on its way already', async () => {
    const { world, a, queue } = await twoClients();
    const giveUp = new AbortController();
    const acquire = track(a.lock(LOCK).acquire({ signal: giveUp.signal }));
    // Granted on the node, the answer not here yet.
    while (queue().length === 0) await world.clock.advance(0.5);
    giveUp.abort(new Error('enough'));
    await world.clock.advance(A_MOMENT_MS);
    expect(acquire.value).toMatchObject({ message: 'enough' });
    expect(queue()).toHaveLength(0);
  });

  it('gives back a grant that it never heard of, once a node can be asked', async () => {
    const { world, a, queue } = await twoClients();
    for (const endpoint of world.endpoints) world.cluster.node(endpoint).losesAnswers = true;
    const acquire = track(a.lock(LOCK).acquire({ waitMs: 100 }));
    await world.clock.advance(REQUEST_TIMEOUT_MS + A_MOMENT_MS);
    expect(acquire.value).toBeInstanceOf(UnavailableError);
    for (const endpoint of world.endpoints) world.cluster.node(endpoint).losesAnswers = false;
    await world.clock.advance(SESSION_TTL_MS / 4);
    expect(queue()).toHaveLength(0);
  });

  it('tells the wait that was over from the lock that was taken away, when the answer comes only at the second try', async () => {
    const { world, a, b } = await twoClients();
    await world.finish(a.lock(LOCK).acquire());
    const second = track(b.lock(LOCK).acquire({ waitMs: 300 }));
    await world.clock.advance(A_MOMENT_MS);
    world.cluster.node(NODE_1).losesAnswers = true;
    await world.clock.advance(400);
    world.cluster.kill(NODE_1);
    await world.clock.advance(A_MOMENT_MS);
    expect(second.value).toBeInstanceOf(LockHeldError);
  });
});

describe('two callers of one client', () => {
  it('exclude each other, and the second gets a token of its own', async () => {
    const { world, a } = await twoClients();
    const first = await world.finish(a.lock(LOCK).acquire());
    const waiting = track(a.lock(LOCK).acquire());
    await world.clock.advance(SESSION_TTL_MS);
    expect(waiting.state).toBe('pending');
    expect(await world.finish(a.lock(LOCK).tryAcquire())).toBeNull();
    await world.finish(first.release());
    await world.clock.advance(A_MOMENT_MS);
    const token = (waiting.value as { fencingToken: number }).fencingToken;
    expect(token).toBeGreaterThan(first.fencingToken);
  });

  it('counts the wait inside the client', async () => {
    const { world, a } = await twoClients();
    await world.finish(a.lock(LOCK).acquire());
    const second = track(a.lock(LOCK).acquire({ waitMs: 200 }));
    await world.clock.advance(201);
    expect(second.value).toBeInstanceOf(LockHeldError);
  });

  it('passes the turn on when the first one loses its session', async () => {
    const { world, a } = await twoClients();
    await world.finish(a.lock(LOCK).acquire());
    const second = track(a.lock(LOCK).acquire());
    world.blackhole();
    await world.clock.advance(SESSION_TTL_MS * 2);
    world.heal();
    await world.clock.advance(SESSION_TTL_MS);
    expect(second.state).toBe('resolved');
  });
});

describe('release', () => {
  it('may be called again', async () => {
    const { world, a } = await twoClients();
    const lock = await world.finish(a.lock(LOCK).acquire());
    await world.finish(Promise.all([lock.release(), lock.release()]));
    expect(world.cluster.arrivals('release')).toHaveLength(1);
    expect(() => lock.assertHeld()).toThrow(LockNotHeldError);
    expect(lock.signal.aborted).toBe(true);
  });

  it('is no error when the session is gone', async () => {
    const { world, a } = await twoClients();
    const lock = await world.finish(a.lock(LOCK).acquire());
    world.clock.freeze(SESSION_TTL_MS);
    await world.finish(lock.release());
  });

  it('goes on in the background when it cannot be confirmed, and holds the turn until then', async () => {
    const { world, a, queue } = await twoClients();
    const lock = await world.finish(a.lock(LOCK).acquire());
    const unavailable = (): void => {
      for (const endpoint of world.endpoints) {
        world.cluster.node(endpoint).refuse = ({ op }) => (op === 'release' ? refusal('UNAVAILABLE') : null);
      }
    };
    unavailable();
    const release = track(lock.release());
    const next = track(a.lock(LOCK).acquire());
    await world.clock.advance(REQUEST_TIMEOUT_MS + A_MOMENT_MS);
    expect(release.value).toBeInstanceOf(UnavailableError);
    expect(queue()).toHaveLength(1);
    expect(next.state).toBe('pending');
    for (const endpoint of world.endpoints) world.cluster.node(endpoint).refuse = null;
    await world.clock.advance(1_000);
    expect(next.state).toBe('resolved');
  });
});

describe('run', () => {
  it('holds the lock while the function runs, and hands it what it needs', async () => {
    const { world, a, queue } = await twoClients();
    const seen = await world.finish(
      a
        .lock(LOCK)
        .run(({ fencingToken, signal, lock }) => ({ fencingToken, aborted: signal.aborted, name: lock.name })),
    );
    expect(seen).toMatchObject({ aborted: false, name: LOCK });
    expect(queue()).toHaveLength(0);
  });

  it('throws what the function threw, whatever release does', async () => {
    const { world, a } = await twoClients();
    const run = track(
      a.lock(LOCK).run(() => {
        world.blackhole();
        throw new Error('business');
      }),
    );
    await world.clock.advance(REQUEST_TIMEOUT_MS * 2);
    expect(run.value).toMatchObject({ message: 'business' });
  });
});
