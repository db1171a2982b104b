import { describe, expect, it } from 'vitest';
import { CompactedError } from '../errors/latchkey-error.js';
import type { KvEvent } from '../kv/kv-client.js';
import { A_MOMENT_MS, ClientWorld, NODE_1, NODE_2 } from '../test-support/client-world.js';
import { refusal } from '../test-support/fake-store.js';
import { WATCH_BUFFER_HIGH } from './watch-buffer.js';
import type { WatchStream } from './watch-stream.js';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

async function watching(options: { readonly fromRevision?: number } = {}) {
  const world = new ClientWorld();
  const { core, client } = await world.connect();
  const stream = client.kv.watch({ prefix: 'k' }, options);
  await world.clock.advance(A_MOMENT_MS);
  return { world, core, client, stream, store: world.cluster.store };
}

/** Reads until the loop ends; what was read so far is in the list. */
function collect<Item>(stream: WatchStream<Item>): { items: Item[]; error: unknown; over: boolean } {
  const seen: { items: Item[]; error: unknown; over: boolean } = { items: [], error: null, over: false };
  void (async () => {
    try {
      for await (const item of stream) seen.items.push(item);
    } catch (error) {
      seen.error = error;
    }
    seen.over = true;
  })();
  return seen;
}

const keys = (events: readonly KvEvent[]): string[] => events.map(({ key }) => key);

describe('watch (FAILURE-MODES 46)', () => {
  it('delivers every change once and in order over a change of nodes', async () => {
    const { world, stream, store } = await watching();
    const seen = collect(stream);
    store.put('k1', bytes('1'));
    await world.clock.advance(A_MOMENT_MS);
    world.cluster.kill(NODE_1);
    store.put('k2', bytes('2'));
    await world.clock.advance(A_MOMENT_MS);
    world.cluster.node(NODE_1).state = 'up';
    world.cluster.kill(NODE_2);
    store.put('k3', bytes('3'));
    await world.clock.advance(A_MOMENT_MS);
    expect(keys(seen.items)).toEqual(['k1', 'k2', 'k3']);
  });

  it('begins where it was made, even if the connection ends before the first event', async () => {
    const { world, stream, store } = await watching();
    world.cluster.kill(NODE_1);
    store.put('k1', bytes('1'));
    const seen = collect(stream);
    await world.clock.advance(A_MOMENT_MS);
    expect(keys(seen.items)).toEqual(['k1']);
  });

  it('yields the events of one revision one by one, with its revision', async () => {
    const { world, stream, store } = await watching();
    store.put('k1', bytes('1'));
    store.put('k2', bytes('2'));
    store.delete(['k1', 'k2']);
    const seen = collect(stream);
    await world.clock.advance(A_MOMENT_MS);
    const deletes = seen.items.filter(({ type }) => type === 'delete');
    expect(keys(deletes)).toEqual(['k1', 'k2']);
    expect(new Set(deletes.map(({ revision }) => revision)).size).toBe(1);
  });

  it('takes nothing twice from a node that repeats itself', async () => {
    const { world, core, stream, store } = await watching();
    const seen = collect(stream);
    store.put('k1', bytes('1'));
    await world.clock.advance(A_MOMENT_MS);
    const [watchId = 0] = world.cluster.arrivals('watch');
    const record = store.records.get('k1');
    if (record === undefined) throw new Error('k1 is missing');
    const event = { type: 'put', record, previous: null } as const;
    core.watches.frame([[watchId, { type: 'events', revision: record.modRevision, events: [event] }]]);
    await world.clock.advance(A_MOMENT_MS);
    expect(keys(seen.items)).toEqual(['k1']);
  });

  it('goes on where it was when the node ends it for reading too slowly', async () => {
    const { world, core, stream, store } = await watching();
    const seen = collect(stream);
    store.put('k1', bytes('1'));
    await world.clock.advance(A_MOMENT_MS);
    const [watchId = 0] = world.cluster.arrivals('watch');
    core.watches.frame([[watchId, { type: 'ended', error: refusal('OVERLOADED') }]]);
    store.put('k2', bytes('2'));
    await world.clock.advance(200);
    expect(keys(seen.items)).toEqual(['k1', 'k2']);
  });

  it('says so when the revisions it wants are gone', async () => {
    const world = new ClientWorld();
    const { client } = await world.connect();
    world.cluster.store.compactRevision = 50;
    const seen = collect(client.kv.watch({ prefix: 'k' }, { fromRevision: 10 }));
    await world.clock.advance(A_MOMENT_MS);
    expect(seen.error).toBeInstanceOf(CompactedError);
    expect((seen.error as CompactedError).compactRevision).toBe(50);
  });
});

describe('a reader who stops reading (FAILURE-MODES 48)', () => {
  it('stops the flow after a bounded number of events, and loses none of them', async () => {
    const { world, stream, store } = await watching();
    const total = WATCH_BUFFER_HIGH * 3;
    const half = total / 2;
    for (let index = 0; index < half; index += 1) store.put(`k${index}`, bytes('v'));
    await world.clock.advance(A_MOMENT_MS);
    expect(world.cluster.arrivals('unwatch')).toHaveLength(1);
    // Nothing more is sent to us, and nothing is kept for us.
    for (let index = half; index < total; index += 1) store.put(`k${index}`, bytes('v'));
    await world.clock.advance(A_MOMENT_MS);
    const seen = collect(stream);
    for (let round = 0; round < 10; round += 1) await world.clock.advance(A_MOMENT_MS);
    expect(keys(seen.items)).toEqual(Array.from({ length: total }, (_, index) => `k${index}`));
  });
});

describe('the end of a watch', () => {
  it('comes quietly with the signal, and the node is told', async () => {
    const world = new ClientWorld();
    const { client } = await world.connect();
    const stop = new AbortController();
    const seen = collect(client.kv.watch({ prefix: 'k' }, { signal: stop.signal }));
    await world.clock.advance(A_MOMENT_MS);
    stop.abort();
    await world.clock.advance(A_MOMENT_MS);
    expect(seen).toMatchObject({ over: true, error: null });
    expect(world.cluster.arrivals('unwatch')).toHaveLength(1);
  });

  it('comes with the end of the loop', async () => {
    const { world, stream, store } = await watching();
    store.put('k1', bytes('1'));
    const first = (async () => {
      for await (const event of stream) return event.key;
      return null;
    })();
    expect(await world.finish(first)).toBe('k1');
    await world.clock.advance(A_MOMENT_MS);
    expect(world.cluster.arrivals('unwatch')).toHaveLength(1);
  });
});
