import { InvariantViolation, logIndex, nodeId, persistId, term, type LogIndex } from '@latchkey/raft';
import { describe, expect, it } from 'vitest';
import type { DurableState } from './ports/log-store.js';
import type { InstallEffect } from './raft-run.js';
import { DurableWatermark } from './store-reload.js';
import { metaAt } from './test-support/fake-checkpoints.js';
import { noop } from './test-support/scripted-replica.js';

const HARD_STATE = { currentTerm: term(3), votedFor: nodeId('n1') };
const ALL_COMMITTED = logIndex(1_000);

/** A log that begins after `base` and ends with `last`. */
function stored(base: number, last: number, checkpoint: number | null = base === 0 ? null : base): DurableState {
  return {
    hardState: HARD_STATE,
    base: { index: logIndex(base), term: term(1) },
    entries: Array.from({ length: last - base }, (_, offset) => noop(base + 1 + offset)),
    checkpoint: checkpoint === null ? null : metaAt(checkpoint),
  };
}

const installation = (index: number, keepsTail: boolean): InstallEffect => ({
  type: 'installSnapshot',
  persistId: persistId(1),
  hardState: null,
  snapshot: metaAt(index),
  keepsTail,
});

function isKept(before: (watermark: DurableWatermark) => void, after: DurableState, committed: LogIndex): boolean {
  const watermark = new DurableWatermark();
  before(watermark);
  try {
    watermark.assertKept(after, committed);
    return true;
  } catch (error) {
    expect(error).toBeInstanceOf(InvariantViolation);
    return false;
  }
}

describe('what a store has confirmed and must still have', () => {
  it('counts from the base of a compacted log', () => {
    const before = (watermark: DurableWatermark): void => watermark.loaded(stored(10, 20));
    expect(isKept(before, stored(15, 20), ALL_COMMITTED)).toBe(true);
    expect(isKept(before, stored(20, 20), ALL_COMMITTED)).toBe(true);
    expect(isKept(before, stored(15, 19), ALL_COMMITTED)).toBe(false);
  });

  it('is a checkpoint no older than the last one', () => {
    const before = (watermark: DurableWatermark): void => {
      watermark.loaded(stored(10, 20));
      watermark.checkpointed(logIndex(18));
    };
    expect(isKept(before, stored(10, 20, 18), ALL_COMMITTED)).toBe(true);
    expect(isKept(before, stored(10, 20, 17), ALL_COMMITTED)).toBe(false);
    expect(isKept(before, stored(0, 20, null), ALL_COMMITTED)).toBe(false);
  });

  it('after an installed snapshot is the log up to there, and more only if it kept its tail', () => {
    const installed = (keepsTail: boolean) => (watermark: DurableWatermark) => {
      watermark.loaded(stored(10, 40));
      watermark.installed(installation(30, keepsTail));
    };
    expect(isKept(installed(false), stored(30, 30), ALL_COMMITTED)).toBe(true);
    expect(isKept(installed(true), stored(30, 30), ALL_COMMITTED)).toBe(false);
    expect(isKept(installed(true), stored(30, 30), logIndex(30))).toBe(true);
    expect(isKept(installed(false), stored(10, 40), ALL_COMMITTED)).toBe(false);
  });
});
