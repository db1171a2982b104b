import { describe, expect, it } from 'vitest';
import { RELOAD_BACKOFF_MAX_MS, RELOAD_BACKOFF_MIN_MS } from './limits.js';
import { noop, persistEffect, type ScriptedReplica, startedReplica } from './test-support/scripted-replica.js';

const FAILURES_AT_LONGEST_PAUSE = 12;

/** The node has something to write whenever it runs, and fails to. */
async function failToWrite(node: ScriptedReplica): Promise<void> {
  node.store.failNextPersist({ code: 'unavailable', isWritten: false });
  await node.effects(persistEffect(1, noop(1)));
}

describe('a store that can be loaded and not be written, as on a full disk (FAILURE-MODES 31)', () => {
  it('is loaded at once after the first failure, then after pauses that grow, and has its trouble told meanwhile', async () => {
    const node = await startedReplica();
    await failToWrite(node);
    expect(node.replica.status()).toMatchObject({ phase: 'running', storeTrouble: null });
    for (const pauseMs of [1, 2, 4].map((factor) => factor * RELOAD_BACKOFF_MIN_MS)) {
      await failToWrite(node);
      await node.clock.advance(pauseMs - 1);
      expect(node.replica.status()).toMatchObject({ phase: 'recovering', storeTrouble: 'the store cannot be used' });
      await node.clock.advance(1);
      expect(node.replica.status().phase).toBe('running');
    }
  });

  it('is never kept waiting for longer than the longest pause', async () => {
    const node = await startedReplica();
    for (let failure = 0; failure < FAILURES_AT_LONGEST_PAUSE; failure += 1) {
      await failToWrite(node);
      await node.clock.advance(RELOAD_BACKOFF_MAX_MS);
      expect(node.replica.status().phase).toBe('running');
    }
    await failToWrite(node);
    await node.clock.advance(RELOAD_BACKOFF_MAX_MS - 1);
    expect(node.replica.status().phase).toBe('recovering');
  });

  it('that is written again is loaded at once after its next failure', async () => {
    const node = await startedReplica();
    await failToWrite(node);
    await failToWrite(node);
    await node.clock.advance(RELOAD_BACKOFF_MIN_MS);
    await node.effects(persistEffect(1, noop(1)));
    node.store.failNextPersist({ code: 'unavailable', isWritten: false });
    await node.effects(persistEffect(2, noop(2)));
    expect(node.replica.status().phase).toBe('running');
  });
});
