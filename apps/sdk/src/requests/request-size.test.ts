import { describe, expect, it } from 'vitest';
import { ClientWorld } from '../test-support/client-world.js';
import { MAX_REQUEST_ESTIMATED_BYTES, requestSize } from './request-size.js';

describe('what may go into a frame', () => {
  it('is measured with some room to spare', () => {
    const value = new Uint8Array(1_000);
    expect(requestSize({ op: 'put', key: 'äöü', value })).toBeGreaterThan(1_000 + 6);
  });

  it.each([
    ['half a surrogate pair', { key: 'a\ud800' }, 'key'],
    ['a date', { owner: { since: new Date(0) } }, 'owner'],
    ['a big integer', { revision: 1n }, 'revision'],
    ['a map', { owner: new Map() }, 'owner'],
  ])('refuses %s, naming the field', (_what, request, field) => {
    expect(() => requestSize(request)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT', field }));
  });

  it('refuses a cycle instead of following it for ever', () => {
    const owner: Record<string, unknown> = {};
    owner['self'] = owner;
    expect(() => requestSize({ owner })).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
  });

  it('keeps one bad request from spoiling the frame of the others', async () => {
    const world = new ClientWorld();
    const { client } = await world.connect();
    const good = client.kv.put('good', 'v');
    await expect(client.kv.put('bad\udfff', 'v')).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', field: 'key' });
    const large = client.kv.put('large', new Uint8Array(MAX_REQUEST_ESTIMATED_BYTES));
    await expect(large).rejects.toMatchObject({ code: 'TOO_LARGE' });
    await world.finish(good);
  });

  it('writes the owner of a lock as JSON does', async () => {
    const world = new ClientWorld();
    const { client } = await world.connect();
    await world.finish(client.lock('l').acquire({ owner: { since: new Date(0) } }));
    const [request] = world.cluster.executed;
    expect(request).toMatchObject({ op: 'acquire', owner: { since: '1970-01-01T00:00:00.000Z' } });
  });
});
