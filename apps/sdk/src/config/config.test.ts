import { describe, expect, it } from 'vitest';
import { InvalidArgumentError, RevisionMismatchError } from '../errors/latchkey-error.js';
import { RANGE_PAGE_SIZE } from '../kv/range-reader.js';
import { A_MOMENT_MS, ClientWorld, NODE_1 } from '../test-support/client-world.js';
import type { ConfigChange } from './config-watch.js';

async function payments() {
  const world = new ClientWorld();
  const { client } = await world.connect();
  return { world, client, config: client.config('payments') };
}

function follow(changes: AsyncIterable<ConfigChange>): ConfigChange[] {
  const seen: ConfigChange[] = [];
  void (async () => {
    for await (const change of changes) seen.push(change);
  })();
  return seen;
}

describe('config', () => {
  it('keeps JSON under a namespace, with revision and version', async () => {
    const { world, client, config } = await payments();
    expect(await world.finish(config.get('limits/max'))).toBeNull();
    const { revision } = await world.finish(config.set('limits/max', { amount: 100 }));
    const entry = await world.finish(config.get<{ amount: number }>('limits/max'));
    expect(entry).toMatchObject({ key: 'limits/max', value: { amount: 100 }, revision, version: 1 });
    expect(await world.finish(client.config('billing').get('limits/max'))).toBeNull();
  });

  it('refuses a write over a change that the writer has not seen', async () => {
    const { world, config } = await payments();
    const { revision } = await world.finish(config.set('a', 1));
    await world.finish(config.set('a', 2, { ifRevision: revision }));
    await expect(world.finish(config.set('a', 3, { ifRevision: revision }))).rejects.toBeInstanceOf(
      RevisionMismatchError,
    );
  });

  it('refuses what JSON cannot say', async () => {
    const { world, config } = await payments();
    await expect(world.finish(config.set('a', undefined))).rejects.toBeInstanceOf(InvalidArgumentError);
  });

  it('reads any number of entries, page by page', async () => {
    const { world, config } = await payments();
    const count = RANGE_PAGE_SIZE * 2 + 1;
    for (let index = 0; index < count; index += 1) {
      world.cluster.store.put(`config/payments/k${String(index).padStart(5, '0')}`, new TextEncoder().encode('1'));
    }
    expect(await world.finish(config.getAll('k'))).toHaveLength(count);
  });
});

describe('config watch (FAILURE-MODES 47)', () => {
  it('says what changed, from what, at which revision', async () => {
    const { world, config } = await payments();
    const seen = follow(config.watch('limits/'));
    await world.clock.advance(A_MOMENT_MS);
    const set = await world.finish(config.set('limits/max', 1));
    await world.finish(config.set('other', 'not watched'));
    const changed = await world.finish(config.set('limits/max', 2));
    await world.finish(config.delete('limits/max'));
    expect(seen).toMatchObject([
      { type: 'set', key: 'limits/max', value: 1, previous: null, revision: set.revision },
      { type: 'set', key: 'limits/max', value: 2, previous: 1, revision: changed.revision },
      { type: 'delete', key: 'limits/max', previous: 2 },
    ]);
  });

  it('ends with a value that is no JSON, after the changes before it, and the node is told', async () => {
    const { world, config } = await payments();
    const changes = config.watch('limits/');
    await world.clock.advance(A_MOMENT_MS);
    for (const json of ['1', '2', 'no JSON', '4']) {
      world.cluster.store.put('config/payments/limits/max', new TextEncoder().encode(json));
    }
    await world.clock.advance(A_MOMENT_MS);
    expect(await world.finish(changes.next())).toMatchObject({ value: { value: 1, previous: null } });
    expect(await world.finish(changes.next())).toMatchObject({ value: { value: 2, previous: 1 } });
    await expect(world.finish(changes.next())).rejects.toBeInstanceOf(SyntaxError);
    expect(await world.finish(changes.next())).toEqual({ done: true, value: undefined });
    await world.clock.advance(A_MOMENT_MS);
    expect(world.cluster.arrivals('unwatch')).toHaveLength(1);
  });

  it('heals a gap that compaction made with one reset, and goes on from there', async () => {
    const { world, config } = await payments();
    const seen = follow(config.watch('limits/'));
    await world.finish(config.set('limits/max', 1));
    // Cut off while history goes on and is compacted behind us.
    for (const endpoint of world.endpoints) world.cluster.kill(endpoint);
    const { store } = world.cluster;
    store.put('config/payments/limits/max', new TextEncoder().encode('2'));
    store.put('config/payments/limits/min', new TextEncoder().encode('0'));
    store.compactRevision = store.revision;
    const resetRevision = store.revision;
    world.heal();
    await world.clock.advance(2_000);
    await world.finish(config.set('limits/max', 3));
    expect(seen).toMatchObject([
      { type: 'set', value: 1 },
      {
        type: 'reset',
        key: 'limits/',
        revision: resetRevision,
        entries: [
          { key: 'limits/max', value: 2 },
          { key: 'limits/min', value: 0 },
        ],
      },
      { type: 'set', key: 'limits/max', value: 3, previous: 2 },
    ]);
  });
});

describe('the way back from a reset', () => {
  it('misses nothing that happens between the snapshot and the new watch', async () => {
    const { world, config } = await payments();
    const { store } = world.cluster;
    store.compactRevision = 50;
    const key = 'config/payments/limits/max';
    for (const endpoint of world.endpoints) {
      world.cluster.node(endpoint).refuse = ({ op }) => {
        // Just before the second watch, the one after the snapshot, is opened.
        if (op === 'watch' && world.cluster.arrivals('watch').length === 2)
          store.put(key, new TextEncoder().encode('7'));
        return null;
      };
    }
    store.revision = 60;
    const seen = follow(config.watch('limits/', { fromRevision: 10 }));
    await world.clock.advance(A_MOMENT_MS);
    expect(seen).toMatchObject([
      { type: 'reset', revision: 60, entries: [] },
      { type: 'set', value: 7, revision: 61 },
    ]);
  });
});

describe('live config', () => {
  it('is one object of the settings below a path, and follows them over a change of nodes', async () => {
    const { world, config } = await payments();
    await world.finish(config.set('limits/max', 1));
    await world.finish(config.set('limits/http/rate', 10));
    const live = await world.finish(config.live<{ max: number; http: { rate: number } }>('limits'));
    expect(live.value).toEqual({ max: 1, http: { rate: 10 } });
    const changes: number[] = [];
    live.on('change', ({ value }) => changes.push(value.max));
    world.cluster.kill(NODE_1);
    await world.finish(config.set('limits/max', 2));
    await world.clock.advance(A_MOMENT_MS);
    expect(changes).toEqual([2]);
    expect(live.value.max).toBe(2);
    live.close();
  });
});
