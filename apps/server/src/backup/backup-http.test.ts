import { Readable } from 'node:stream';
import { verifyBackup } from '@latchkey/backup';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startMemoryNode, type MemoryNode } from '../test-support/memory-node.js';

let node: MemoryNode;
beforeAll(async () => {
  node = await startMemoryNode({ LATCHKEY_CLUSTER_ID: 'one' });
});
afterAll(() => node.stop());

describe('GET /v1/backup', () => {
  it('answers with everything that was written before', async () => {
    const put = await fetch(`${node.url}/v1/kv/a`, { method: 'PUT', body: JSON.stringify({ value: '1' }) });
    const { revision } = (await put.json()) as { readonly revision: number };
    const response = await fetch(`${node.url}/v1/backup`);
    expect(response.headers.get('content-type')).toBe('application/octet-stream');
    const { header } = await verifyBackup(Readable.from([new Uint8Array(await response.arrayBuffer())]));
    expect(header).toMatchObject({ clusterId: 'one', nodeId: 'n1', revision, appliedIndex: node.appliedIndex() });
  });

  it('is nothing that a page of another site may start', async () => {
    const response = await fetch(`${node.url}/v1/backup`, { headers: { origin: 'http://elsewhere.example' } });
    expect([response.status, await response.json()]).toMatchObject([401, { code: 'UNAUTHENTICATED' }]);
  });
});
