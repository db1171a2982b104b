import { describe, expect, it } from 'vitest';
import type * as Sdk from '@latchkey/sdk';
import { TestCluster } from '../support/test-cluster.js';

const SESSION_TTL_MS = 1_000;
const STALL_MS = 3 * SESSION_TTL_MS;
/** The built SDK: only there is the worker's file one that Node can load. */
const BUILT_SDK = new URL('../../dist/sdk/apps/sdk/src/index.js', import.meta.url).href;

describe('heartbeat from a worker thread', () => {
  it('keeps the lock of a process whose event loop stands still for three times the TTL', async () => {
    const { connect } = (await import(/* @vite-ignore */ BUILT_SDK)) as typeof Sdk;
    await using cluster = await TestCluster.start();
    const holder = await connect({ endpoints: cluster.endpoints, sessionTtlMs: SESSION_TTL_MS });
    const other = await connect({ endpoints: cluster.endpoints });
    try {
      expect((await holder.status()).heartbeat).toBe('worker');
      const lock = await holder.lock('stalled').acquire();

      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, STALL_MS);

      lock.assertHeld();
      expect(await other.lock('stalled').tryAcquire()).toBeNull();
      await lock.release();
    } finally {
      await Promise.all([holder.close(), other.close()]);
    }
  });
});
