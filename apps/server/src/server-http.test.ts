import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EventStreamReader } from './test-support/event-stream-reader.js';
import { callNode, leaseOf, type HttpCall } from './test-support/http-call.js';
import { startMemoryNode, type MemoryNode } from './test-support/memory-node.js';

const TTL_MS = 60_000;
const NO_LEASE = '00000000000000ff';

let node: MemoryNode;
beforeAll(async () => {
  node = await startMemoryNode();
});
afterAll(() => node.stop());

const call: HttpCall = (...request) => callNode(node.url, ...request);
const lease = (): Promise<string> => leaseOf(call);

describe('what an operator asks', () => {
  it('is answered by health, readiness, status, members and metrics', async () => {
    expect(await call('GET', '/healthz')).toMatchObject({ status: 200 });
    expect(await call('GET', '/v1/status')).toMatchObject({
      status: 200,
      body: {
        clusterId: 'latchkey',
        nodeId: 'n1',
        role: 'leader',
        leaderId: 'n1',
        members: [{ id: 'n1', role: 'voter', connected: true }],
      },
    });
    expect((await call('GET', '/v1/members')).body['members']).toHaveLength(1);
    const metrics = await fetch(`${node.url}/metrics`);
    expect(metrics.headers.get('content-type')).toContain('text/plain');
    const text = await metrics.text();
    for (const line of [
      'latchkey_role{role="leader"} 1',
      'latchkey_applied_index ',
      'latchkey_checkpoint_index 0',
      'latchkey_snapshot_transfers_total{direction="in",result="completed"} 0',
      'latchkey_persist_duration_seconds_bucket{le="+Inf"} ',
    ])
      expect(text).toContain(line);
  });

  it('is ready once it has caught up', async () => {
    expect(await call('GET', '/readyz')).toMatchObject({ status: 200 });
  });

  it('is documented: every route, and what each body may hold', async () => {
    const { body } = await call('GET', '/docs/openapi.json');
    const paths = Object.keys(body['paths'] as object);
    for (const path of [
      '/v1/kv/{key}',
      '/v1/txn',
      '/v1/config/{namespace}/{key}/rollback',
      '/v1/locks/{name}/acquire',
      '/v1/watch',
      '/v1/members/{id}/promote',
      '/v1/leadership/transfer',
    ])
      expect(paths).toContain(path);
    expect((await fetch(`${node.url}/docs`)).headers.get('content-type')).toContain('text/html');
    expect((await fetch(`${node.url}/docs/swagger-ui.css`)).status).toBe(200);
    expect(await call('GET', '/docs/package.json')).toMatchObject({ status: 404, body: { code: 'NOT_FOUND' } });
  });
});

describe('keys', () => {
  it('are written, read, listed and deleted, with their revisions', async () => {
    const put = await call('PUT', '/v1/kv/fruit%2Fapple', { value: 'rot' });
    expect(put).toMatchObject({ status: 200, body: { revision: expect.any(Number) } });
    const { revision } = put.body;
    expect(await call('GET', '/v1/kv/fruit%2Fapple')).toEqual({
      status: 200,
      body: {
        key: 'fruit/apple',
        value: 'rot',
        createRevision: revision,
        modRevision: revision,
        version: 1,
        lease: null,
      },
    });
    await call('PUT', '/v1/kv/fruit%2Fapple', { valueBase64: Buffer.from([0xff, 0]).toString('base64') });
    expect((await call('GET', '/v1/kv/fruit%2Fapple')).body).toMatchObject({ valueBase64: '/wA=', version: 2 });
    expect((await call('GET', `/v1/kv/fruit%2Fapple?revision=${String(revision)}`)).body).toMatchObject({
      value: 'rot',
    });
    expect((await call('GET', '/v1/kv?prefix=fruit/&limit=1&keysOnly=true')).body).toMatchObject({
      count: 1,
      more: false,
      records: [{ key: 'fruit/apple' }],
    });
    expect(await call('DELETE', '/v1/kv/fruit%2Fapple')).toMatchObject({ status: 200, body: { deleted: 1 } });
    expect(await call('GET', '/v1/kv/fruit%2Fapple?consistency=serializable')).toMatchObject({
      status: 404,
      body: { code: 'KEY_NOT_FOUND' },
    });
  });

  it('are written only at the revision that the writer saw', async () => {
    expect(await call('PUT', '/v1/kv/cas', { value: '1' }, { 'if-match': '0' })).toMatchObject({ status: 200 });
    const again = await call('PUT', '/v1/kv/cas', { value: '2' }, { 'if-match': '0' });
    expect(again).toMatchObject({ status: 412, body: { code: 'REVISION_MISMATCH', retry: 'never' } });
    const { modRevision } = (await call('GET', '/v1/kv/cas')).body;
    expect((again.body['details'] as Record<string, unknown>)['currentRevision']).toBe(modRevision);
    expect(await call('DELETE', '/v1/kv/cas', undefined, { 'if-match': String(modRevision) })).toMatchObject({
      status: 200,
    });
  });

  it('are written once for one Idempotency-Key, and a key is not used for two things', async () => {
    const headers = { 'idempotency-key': 'order-7' };
    const first = await call('PUT', '/v1/kv/once', { value: 'x' }, headers);
    const second = await call('PUT', '/v1/kv/once', { value: 'x' }, headers);
    expect(second).toEqual(first);
    expect((await call('GET', '/v1/kv/once')).body).toMatchObject({ version: 1 });
    expect(await call('PUT', '/v1/kv/once', { value: 'y' }, headers)).toMatchObject({
      status: 409,
      body: { code: 'IDEMPOTENCY_KEY_REUSED' },
    });
  });

  it('named like the parts of an object are keys like any other', async () => {
    for (const key of ['__proto__', 'constructor', 'hasOwnProperty']) {
      await call('PUT', `/v1/kv/${key}`, { value: key });
      expect((await call('GET', `/v1/kv/${key}`)).body).toMatchObject({ key, value: key });
    }
    expect(({} as Record<string, unknown>)['value']).toBeUndefined();
  });

  it('change together in a transaction', async () => {
    const txn = {
      compare: [{ key: 'txn/a', target: 'version', result: 'equal', operand: 0 }],
      success: [
        { op: 'put', key: 'txn/a', value: 'A' },
        { op: 'put', key: 'txn/b', valueBase64: 'AA==' },
      ],
      failure: [{ op: 'range', prefix: 'txn/' }],
    };
    expect(await call('POST', '/v1/txn', txn)).toMatchObject({
      status: 200,
      body: { succeeded: true, responses: [{ op: 'put' }, { op: 'put' }] },
    });
    expect((await call('POST', '/v1/txn', txn)).body).toMatchObject({
      succeeded: false,
      responses: [{ op: 'range', count: 2, records: [{ key: 'txn/a', value: 'A' }, { key: 'txn/b' }] }],
    });
  });

  it('lose their history at a compaction', async () => {
    const { body } = await call('PUT', '/v1/kv/old', { value: '1' });
    await call('PUT', '/v1/kv/old', { value: '2' });
    const compacted = await call('POST', '/v1/compact', { revision: Number(body['revision']) + 1 });
    expect(compacted).toMatchObject({ status: 200, body: { compactRevision: Number(body['revision']) + 1 } });
    const gone = await call('GET', `/v1/kv/old?revision=${String(body['revision'])}`);
    expect(gone).toMatchObject({
      status: 410,
      body: { code: 'COMPACTED', details: { compactRevision: expect.any(Number) } },
    });
    expect(await call('GET', '/v1/kv/old?revision=999999')).toMatchObject({
      status: 400,
      body: { code: 'FUTURE_REVISION' },
    });
    expect(await call('GET', `/v1/watch?fromRevision=1`)).toMatchObject({ status: 410, body: { code: 'COMPACTED' } });
  });
});

describe('configuration', () => {
  it('is any JSON, with history and rollback', async () => {
    const path = '/v1/config/payments/limits%2Fmax';
    const first = await call('PUT', path, { value: { amount: 100, nested: [null, 'ü'] } });
    await call('PUT', path, { value: 7 });
    expect((await call('GET', path)).body).toMatchObject({
      namespace: 'payments',
      key: 'limits/max',
      value: 7,
      version: 2,
    });
    const rolledBack = await call('POST', `${path}/rollback`, { revision: first.body['revision'] });
    expect(rolledBack).toMatchObject({ status: 200 });
    expect((await call('GET', path)).body).toMatchObject({ value: { amount: 100, nested: [null, 'ü'] }, version: 3 });
    await call('DELETE', path);
    const { versions } = (await call('GET', `${path}/history`)).body as { versions: { type: string }[] };
    expect(versions.map(({ type }) => type)).toEqual(['set', 'set', 'set', 'delete']);
    expect(await call('GET', path)).toMatchObject({ status: 404, body: { code: 'KEY_NOT_FOUND' } });
  });

  it('is listed by namespace and prefix', async () => {
    for (const key of ['a%2F1', 'a%2F2', 'b%2F1']) await call('PUT', `/v1/config/listed/${key}`, { value: key });
    const { entries } = (await call('GET', '/v1/config/listed?prefix=a/')).body as { entries: { key: string }[] };
    expect(entries.map(({ key }) => key)).toEqual(['a/1', 'a/2']);
  });
});

describe('leases', () => {
  it('are granted, renewed, looked at and revoked, and take their keys with them', async () => {
    const granted = await call('POST', '/v1/leases', { ttlMs: TTL_MS });
    expect(granted.body).toMatchObject({
      ttlMs: TTL_MS,
      id: expect.stringMatching(/^[0-7][0-9a-f]{15}$/),
      revision: expect.any(Number),
    });
    expect(granted.body['remainingMs']).toBeLessThanOrEqual(TTL_MS);
    const id = String(granted.body['id']);
    await call('PUT', `/v1/kv/leased?lease=${id}`, { value: 'x' });
    expect(await call('PUT', `/v1/leases/${id}/keepalive`)).toMatchObject({ status: 200, body: { id, ttlMs: TTL_MS } });
    expect((await call('GET', `/v1/leases/${id}`)).body).toMatchObject({ id, ttlMs: TTL_MS, keys: ['leased'] });
    expect((await call('GET', '/v1/leases')).body['leases']).toContainEqual({ id, ttlMs: TTL_MS });
    expect(await call('DELETE', `/v1/leases/${id}`)).toMatchObject({
      status: 200,
      body: { revision: expect.any(Number) },
    });
    expect(await call('GET', '/v1/kv/leased')).toMatchObject({ status: 404 });
    for (const [method, path] of [
      ['PUT', `/v1/leases/${id}/keepalive`],
      ['GET', `/v1/leases/${id}`],
      ['DELETE', `/v1/leases/${id}`],
    ] as const)
      expect(await call(method, path)).toMatchObject({ status: 404, body: { code: 'LEASE_NOT_FOUND' } });
  });
});

describe('locks', () => {
  it('are taken, shown, refused to others with the holder named, and released', async () => {
    const [first, second] = [await lease(), await lease()];
    const path = '/v1/locks/orders%2F42';
    const acquired = await call('POST', `${path}/acquire`, {
      lease: first,
      mode: 'exclusive',
      owner: { job: 'nightly' },
    });
    expect(acquired).toMatchObject({ status: 200, body: { fencingToken: expect.any(Number) } });
    expect(acquired.body['remainingMs']).toBeGreaterThan(0);
    expect(await call('POST', `${path}/acquire`, { lease: second })).toMatchObject({
      status: 409,
      body: {
        code: 'LOCK_HELD',
        details: { holder: { lease: first, owner: { job: 'nightly' }, fencingToken: acquired.body['fencingToken'] } },
      },
    });
    const waiting = call('POST', `${path}/acquire`, { lease: second, waitMs: TTL_MS });
    await queueLength(path, 1);
    expect((await call('GET', path)).body).toMatchObject({
      name: 'orders/42',
      limit: 1,
      queue: [{ lease: second, position: 1 }],
    });
    await call('POST', `${path}/release`, { lease: first });
    expect(await waiting).toMatchObject({ status: 200 });
    expect((await call('GET', '/v1/locks?prefix=orders/')).body['locks']).toMatchObject([
      { name: 'orders/42', holders: [{ lease: second }] },
    ]);
    expect(await call('DELETE', path)).toMatchObject({ status: 200, body: { released: true } });
    expect(await call('POST', `${path}/release`, { lease: second })).toMatchObject({
      status: 409,
      body: { code: 'LOCK_NOT_HELD' },
    });
  });

  it('time out, and leave nobody in the queue', async () => {
    const [first, second] = [await lease(), await lease()];
    await call('POST', '/v1/locks/busy/acquire', { lease: first });
    expect(await call('POST', '/v1/locks/busy/acquire', { lease: second, waitMs: 5 })).toMatchObject({
      status: 409,
      body: { code: 'LOCK_WAIT_TIMEOUT' },
    });
    expect((await call('GET', '/v1/locks/busy')).body['queue']).toEqual([]);
  });

  it('do not wait for a client that has hung up', async () => {
    const [first, second] = [await lease(), await lease()];
    await call('POST', '/v1/locks/hangup/acquire', { lease: first });
    const aborter = new AbortController();
    const body = JSON.stringify({ lease: second, waitMs: TTL_MS });
    const waiting = fetch(`${node.url}/v1/locks/hangup/acquire`, { method: 'POST', body, signal: aborter.signal });
    await queueLength('/v1/locks/hangup', 1);
    aborter.abort();
    await expect(waiting).rejects.toThrow();
    await queueLength('/v1/locks/hangup', 0);
  });

  it('need a living lease', async () => {
    expect(await call('POST', '/v1/locks/x/acquire', { lease: NO_LEASE })).toMatchObject({
      status: 404,
      body: { code: 'LEASE_NOT_FOUND' },
    });
  });
});

describe('server-sent events', () => {
  it('bring changes of keys and resume after the last one seen', async () => {
    const stream = await EventStreamReader.open(`${node.url}/v1/watch?prefix=sse/`);
    expect(stream.response.headers.get('content-type')).toContain('text/event-stream');
    const first = await call('PUT', '/v1/kv/sse%2F1', { value: 'a' });
    await call('DELETE', '/v1/kv/sse%2F1');
    const events = await stream.until(2);
    expect(events).toMatchObject([
      {
        id: String(first.body['revision']),
        data: { type: 'put', key: 'sse/1', value: 'a', revision: first.body['revision'] },
      },
      { id: String(Number(first.body['revision']) + 1), data: { type: 'delete', key: 'sse/1' } },
    ]);
    stream.close();
    const resumed = await EventStreamReader.open(`${node.url}/v1/watch?prefix=sse/`, {
      'last-event-id': String(first.body['revision']),
    });
    expect(await resumed.until(1)).toMatchObject([{ data: { type: 'delete', key: 'sse/1' } }]);
    resumed.close();
  });

  it('of configuration heal a compaction with one reset, then go on', async () => {
    await call('PUT', '/v1/config/healed/a', { value: 1 });
    const { body } = await call('PUT', '/v1/config/healed/a', { value: 2 });
    await call('POST', '/v1/compact', { revision: body['revision'] });
    const stream = await EventStreamReader.open(`${node.url}/v1/config/healed/watch?fromRevision=1`);
    const [reset] = await stream.until(1);
    expect(reset).toMatchObject({
      id: String(body['revision']),
      data: { type: 'reset', revision: body['revision'], entries: [{ key: 'a', value: 2 }] },
    });
    await call('PUT', '/v1/config/healed/a', { value: 3 });
    await call('DELETE', '/v1/config/healed/a');
    const events = await stream.until(3);
    expect(events.slice(1)).toMatchObject([
      { data: { type: 'set', key: 'a', value: 3, previous: 2 } },
      { data: { type: 'delete', key: 'a', previous: 3 } },
    ]);
    stream.close();
  });
});

/** Until so many wait for the lock. The queue is replicated state, so asking is the only way to know. */
async function queueLength(path: string, length: number): Promise<void> {
  for (;;) {
    const { queue } = (await call('GET', path)).body as { queue: unknown[] };
    if (queue.length === length) return;
  }
}

describe('the members of a cluster of one', () => {
  it('are told with what each holds, and with who leads', async () => {
    expect(await call('GET', '/v1/members')).toMatchObject({
      status: 200,
      body: { leaderId: 'n1', members: [{ id: 'n1', role: 'voter', matchIndex: expect.any(Number) }] },
    });
  });

  it('cannot become more without a peer secret, and it says so', async () => {
    expect(await call('POST', '/v1/members', { id: 'n2', peerUrl: 'http://127.0.0.1:7402' })).toMatchObject({
      status: 400,
      body: { code: 'INVALID_ARGUMENT', message: expect.stringContaining('LATCHKEY_PEER_SECRET') },
    });
  });

  it.each([
    ['POST', '/v1/members', { id: 'n2' }, 'peerUrl'],
    ['POST', '/v1/members', { id: 'n2', peerUrl: 'tcp://127.0.0.1:7402' }, 'peerUrl'],
    ['POST', '/v1/members', { id: 'n2', peerUrl: 'http://127.0.0.1:99999' }, 'peerUrl'],
    ['POST', '/v1/members', { id: 'n 2', peerUrl: 'http://127.0.0.1:7402' }, 'id'],
    ['POST', '/v1/members', { id: 'n2', peerUrl: 'http://127.0.0.1:7402', voter: true }, 'voter'],
    ['DELETE', '/v1/members/n%202', undefined, 'id'],
    ['POST', '/v1/leadership/transfer', { to: 7 }, 'to'],
    ['POST', '/v1/leadership/transfer', { to: 'n9' }, 'to'],
    ['POST', '/v1/leadership/transfer', undefined, 'to'],
  ])('%s %s with %j is refused, naming %s', async (method, path, body, field) => {
    expect(await call(method, path, body)).toMatchObject({
      status: 400,
      body: { code: 'INVALID_ARGUMENT', details: { field } },
    });
  });

  it('can neither lose the only voter nor one that there is not', async () => {
    expect(await call('DELETE', '/v1/members/n1')).toMatchObject({ status: 400, body: { code: 'INVALID_ARGUMENT' } });
    expect(await call('DELETE', '/v1/members/n2')).toMatchObject({ status: 404, body: { code: 'NOT_FOUND' } });
    expect(await call('POST', '/v1/members/n2/promote')).toMatchObject({ status: 404 });
  });

  it('keep their leader when asked to hand over to it', async () => {
    expect(await call('POST', '/v1/leadership/transfer', { to: 'n1' })).toMatchObject({
      status: 200,
      body: { leaderId: 'n1' },
    });
  });
});
