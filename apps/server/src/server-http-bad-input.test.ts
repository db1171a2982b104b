import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MAX_VALUE_BYTES } from '@latchkey/contracts';
import { callNode, type HttpCall } from './test-support/http-call.js';
import { startMemoryNode, type MemoryNode } from './test-support/memory-node.js';

const NO_LEASE = '00000000000000ff';

let node: MemoryNode;
beforeAll(async () => {
  node = await startMemoryNode();
});
afterAll(() => node.stop());

const call: HttpCall = (...request) => callNode(node.url, ...request);

describe('bad input', () => {
  const lockBody = { lease: NO_LEASE };
  it.each([
    ['PUT', '/v1/kv/a', { value: 7 }, 'value'],
    ['PUT', '/v1/kv/a', {}, 'value'],
    ['PUT', '/v1/kv/a', [], 'body'],
    ['PUT', '/v1/kv/a', 'not json', 'body'],
    ['PUT', '/v1/kv/a', undefined, 'value'],
    ['PUT', '/v1/kv/a', { value: 'x', surprise: 1 }, 'surprise'],
    ['PUT', '/v1/kv/a', '{"value":"x","__proto__":{"y":1}}', '__proto__'],
    ['PUT', '/v1/kv/a', { value: 'x', valueBase64: 'eA==' }, 'valueBase64'],
    ['PUT', '/v1/kv/a', { valueBase64: '%%%' }, 'valueBase64'],
    ['PUT', '/v1/kv/a?lease=zz', { value: 'x' }, 'lease'],
    ['PUT', '/v1/kv/a?color=red', { value: 'x' }, 'color'],
    ['PUT', `/v1/kv/${'k'.repeat(513)}`, { value: 'x' }, 'key'],
    ['GET', `/v1/kv/${'k'.repeat(513)}`, undefined, 'key'],
    ['GET', '/v1/kv/%ff', undefined, 'path'],
    ['GET', '/v1/kv/a?revision=-1', undefined, 'revision'],
    ['GET', '/v1/kv/a?consistency=maybe', undefined, 'consistency'],
    ['GET', '/v1/kv?limit=ten', undefined, 'limit'],
    ['GET', '/v1/kv?limit=1&limit=2', undefined, 'limit'],
    ['GET', '/v1/kv?prefix=a&unknown=1', undefined, 'unknown'],
    ['DELETE', '/v1/kv/a?force=1', undefined, 'force'],
    ['POST', '/v1/txn', { success: [{ op: 'put', key: 'a' }], failure: [] }, 'value'],
    ['POST', '/v1/txn', { compare: 'x' }, 'compare'],
    ['POST', '/v1/txn', { otherwise: [] }, 'otherwise'],
    ['POST', '/v1/txn', [], 'body'],
    ['POST', '/v1/compact', { revision: 'all' }, 'revision'],
    ['PUT', '/v1/config/pay/a', {}, 'value'],
    ['PUT', '/v1/config/pay/a', { value: 1, extra: 1 }, 'extra'],
    ['PUT', '/v1/config/no%2Fslash/a', { value: 1 }, 'namespace'],
    ['GET', '/v1/config/pay?recursive=1', undefined, 'recursive'],
    ['POST', '/v1/config/pay/a/rollback', { revision: 0 }, 'revision'],
    ['POST', '/v1/config/pay/a/rollback', {}, 'revision'],
    ['GET', '/v1/watch?fromRevision=soon', undefined, 'fromRevision'],
    ['GET', '/v1/watch?fromRevision=0', undefined, 'fromRevision'],
    ['GET', '/v1/config/pay/watch?from=1', undefined, 'from'],
    ['POST', '/v1/leases', { ttlMs: '5s' }, 'ttlMs'],
    ['POST', '/v1/leases', { ttlMs: 1 }, 'ttlMs'],
    ['POST', '/v1/leases', { ttlMs: 5_000, name: 'x' }, 'name'],
    ['PUT', '/v1/leases/nonsense/keepalive', undefined, 'id'],
    ['GET', '/v1/leases/nonsense', undefined, 'id'],
    ['DELETE', '/v1/leases/nonsense', undefined, 'id'],
    ['POST', '/v1/locks/x/acquire', { ...lockBody, waitMs: -1 }, 'waitMs'],
    ['POST', '/v1/locks/x/acquire', { ...lockBody, mode: 'shared' }, 'mode'],
    ['POST', '/v1/locks/x/acquire', { lease: 1 }, 'lease'],
    ['POST', '/v1/locks/x/acquire', { ...lockBody, priority: 1 }, 'priority'],
    ['POST', `/v1/locks/${'n'.repeat(481)}/acquire`, lockBody, 'name'],
    ['POST', '/v1/locks/x/release', {}, 'lease'],
    ['GET', '/v1/locks?all=1', undefined, 'all'],
    ['GET', `/v1/locks/${'n'.repeat(481)}`, undefined, 'name'],
    ['DELETE', `/v1/locks/${'n'.repeat(481)}`, undefined, 'name'],
  ])('%s %s with %j names %s', async (method, path, body, field) => {
    const { status, body: error } = await call(method, path, body);
    expect({ status, error }).toMatchObject({
      status: 400,
      error: { code: 'INVALID_ARGUMENT', retry: 'never', details: { field } },
    });
    expect(error['message']).toBeTypeOf('string');
  });

  it.each([
    [{ 'if-match': 'latest' }, 'If-Match'],
    [{ 'idempotency-key': 'x'.repeat(129) }, 'Idempotency-Key'],
  ])('in the header %j is named', async (headers, field) => {
    expect(await call('PUT', '/v1/kv/a', { value: 'x' }, headers)).toMatchObject({
      status: 400,
      body: { details: { field } },
    });
  });

  it('that is too large says so', async () => {
    const value = await call('PUT', '/v1/kv/a', { value: 'x'.repeat(MAX_VALUE_BYTES + 1) });
    expect(value).toMatchObject({ status: 413, body: { code: 'TOO_LARGE', details: { field: 'value' } } });
    const body = await call('PUT', '/v1/kv/a', { value: 'x'.repeat(4 * 1024 * 1024) });
    expect(body).toMatchObject({ status: 413, body: { code: 'TOO_LARGE', details: { field: 'body' } } });
  });

  it('on a route that does not exist is answered as JSON too', async () => {
    for (const [method, path] of [
      ['GET', '/'],
      ['GET', '/v2/kv'],
      ['PATCH', '/v1/kv/a'],
      ['PUT', '/v1/config/pay/schema'],
    ] as const)
      expect(await call(method, path)).toMatchObject({ status: 404, body: { code: 'NOT_FOUND', retry: 'never' } });
  });

  it('from a page of another site may not write', async () => {
    const evil = { origin: 'http://evil.example' };
    expect(await call('PUT', '/v1/kv/a', { value: 'x' }, evil)).toMatchObject({ status: 401 });
    expect(await call('PUT', '/v1/kv/a', { value: 'x' }, { origin: node.url })).toMatchObject({ status: 200 });
  });

  it('leaves nothing behind and the node alive', async () => {
    expect(await call('GET', '/readyz')).toMatchObject({ status: 200 });
    expect((await call('GET', '/v1/locks/x')).body).toMatchObject({ holders: [], queue: [] });
  });
});
