import { describe, expect, it } from 'vitest';
import { SessionLostError, UnavailableError } from '../errors/latchkey-error.js';
import {
  A_MOMENT_MS,
  ClientWorld,
  NODE_1,
  REQUEST_TIMEOUT_MS,
  SESSION_TTL_MS,
  track,
} from '../test-support/client-world.js';
import { leaseDeadlineMs } from './lease-deadline.js';

const HOURS_MS = 2 * 60 * 60 * 1000;

describe('session', () => {
  it('lives as long as the client does, by renewals', async () => {
    const world = new ClientWorld();
    const { core } = await world.connect();
    const { id } = core.session ?? { id: '' };
    await world.clock.advance(HOURS_MS);
    expect(core.session?.id).toBe(id);
    expect(world.cluster.store.leases.has(id)).toBe(true);
  });

  it('lives on when the node that renews it is killed', async () => {
    const world = new ClientWorld();
    const { core } = await world.connect();
    const { id } = core.session ?? { id: '' };
    world.cluster.kill(NODE_1);
    await world.clock.advance(SESSION_TTL_MS * 3);
    expect(core.session?.id).toBe(id);
  });

  it('lives on when the node that renews it falls silent', async () => {
    const world = new ClientWorld();
    const { core } = await world.connect();
    const { id } = core.session ?? { id: '' };
    world.cluster.node(NODE_1).state = 'silent';
    await world.clock.advance(SESSION_TTL_MS * 3);
    expect(core.session?.id).toBe(id);
  });

  it('is given up by the client before the cluster can give it up (FAILURE-MODES 44)', async () => {
    const world = new ClientWorld();
    const { core, client } = await world.connect();
    const lock = await world.finish(client.lock('l').acquire());
    const { id } = core.session ?? { id: '' };
    let aliveAtAbort: boolean | null = null;
    lock.signal.addEventListener('abort', () => (aliveAtAbort = world.cluster.store.leases.has(id)));
    world.blackhole();
    await world.clock.advance(SESSION_TTL_MS * 2);
    expect(aliveAtAbort).toBe(true);
    expect(lock.signal.reason).toBeInstanceOf(SessionLostError);
  });

  it('warns of the danger first, then says that it is over, then there is a new one', async () => {
    const world = new ClientWorld();
    const { core, client } = await world.connect();
    const heard: string[] = [];
    client.on('sessionJeopardy', () => heard.push('jeopardy'));
    client.on('sessionLost', () => heard.push('lost'));
    const lost = core.session?.id;
    world.blackhole();
    await world.clock.advance(SESSION_TTL_MS * 0.9);
    expect(heard).toEqual(['jeopardy']);
    await world.clock.advance(SESSION_TTL_MS);
    expect(heard).toEqual(['jeopardy', 'lost']);
    world.heal();
    await world.clock.advance(REQUEST_TIMEOUT_MS);
    expect(core.session?.id).toBeDefined();
    expect(core.session?.id).not.toBe(lost);
  });

  it('is known to be over at once after a stop of the process, before any timer has run (SIGSTOP)', async () => {
    const world = new ClientWorld();
    const { client } = await world.connect();
    const lock = await world.finish(client.lock('l').acquire());
    lock.assertHeld();
    world.clock.freeze(SESSION_TTL_MS);
    expect(() => lock.assertHeld()).toThrow(SessionLostError);
    expect(lock.signal.aborted).toBe(true);
    expect(lock.remainingMs).toBe(0);
  });

  it('counts from the sending of a renewal, not from its answer', () => {
    expect(leaseDeadlineMs(0, SESSION_TTL_MS)).toBeLessThan(SESSION_TTL_MS);
  });

  it('is not renewed any longer once it is lost, so that nobody waits for a zombie (FAILURE-MODES 43)', async () => {
    const world = new ClientWorld();
    const { core, client } = await world.connect();
    await world.finish(client.lock('l').acquire());
    const { id } = core.session ?? { id: '' };
    // Given up here, still alive there.
    world.clock.freeze(leaseDeadlineMs(0, SESSION_TTL_MS));
    expect(core.session?.isLive).toBe(false);
    expect(world.cluster.store.leases.has(id)).toBe(true);
    await world.clock.advance(SESSION_TTL_MS * 2);
    expect(world.cluster.store.leases.has(id)).toBe(false);
    expect(world.cluster.store.queue('locks', 'l')).toHaveLength(0);
  });

  it('ends with close, and its locks are free at once', async () => {
    const world = new ClientWorld();
    const { client } = await world.connect();
    const lock = await world.finish(client.lock('l').acquire());
    await world.finish(client.close());
    expect(world.cluster.store.leases.size).toBe(0);
    expect(world.cluster.store.queue('locks', 'l')).toHaveLength(0);
    expect(lock.signal.aborted).toBe(true);
  });
});

describe('connect', () => {
  it('says of each node why it could not be reached, when none can', async () => {
    const world = new ClientWorld();
    for (const endpoint of world.endpoints) world.cluster.kill(endpoint);
    const opening = track(world.makeCore().open());
    await world.clock.advance(REQUEST_TIMEOUT_MS + A_MOMENT_MS);
    expect(opening.value).toBeInstanceOf(UnavailableError);
    expect(String(opening.value)).toContain(`${NODE_1}: connection refused`);
  });

  it('passes over nodes that accept nothing', async () => {
    const world = new ClientWorld();
    world.cluster.node(NODE_1).state = 'silent';
    await world.finish(world.makeCore().open(), 1_100);
  });

  it('can be given up', async () => {
    const world = new ClientWorld();
    world.blackhole();
    const giveUp = new AbortController();
    const opening = track(world.makeCore().open(giveUp.signal));
    await world.clock.advance(A_MOMENT_MS);
    giveUp.abort(new Error('no patience'));
    await world.clock.advance(A_MOMENT_MS);
    expect(opening.value).toMatchObject({ message: 'no patience' });
  });
});

describe('lease', () => {
  it('lives beside the session until it is revoked, and its keys go with it', async () => {
    const world = new ClientWorld();
    const { client } = await world.connect();
    const lease = await world.finish(client.lease({ ttlMs: 1_000 }));
    await world.finish(client.kv.put('mine', 'v', { lease: lease.id }));
    await world.clock.advance(HOURS_MS / 60);
    expect(await world.finish(client.kv.get('mine'))).not.toBeNull();
    await world.finish(lease.revoke());
    expect(await world.finish(client.kv.get('mine'))).toBeNull();
    expect(lease.signal.aborted).toBe(true);
  });
});
