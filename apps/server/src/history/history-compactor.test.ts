import { describe, expect, it } from 'vitest';
import { keyOfText } from '../commands/key-text.js';
import { LocalLog, NO_LEADER } from '../../../../libs/lessor/src/test-support/local-log.js';
import { ManualClock } from '../../../../libs/lessor/src/test-support/manual-clock.js';
import { HistoryCompactor } from './history-compactor.js';

const KEPT = 100;
const NO_LIMIT_BYTES = Infinity;

const AGE_MS = 32_000;

function world(keptRevisions: number, maxAgeMs = 0, maxBytes = NO_LIMIT_BYTES) {
  const log = new LocalLog();
  const clock = new ManualClock();
  const { propose } = log;
  const compactor = new HistoryCompactor({ clock, reader: log.machine, keptRevisions, maxAgeMs, maxBytes, propose });
  log.onApply((result) => compactor.applied(result));
  const write = async (count: number, valueBytes = 1): Promise<void> => {
    for (let written = 0; written < count; written += 1) {
      const put = {
        type: 'put',
        key: keyOfText('a'),
        value: new Uint8Array(valueBytes),
        leaseId: null,
        expectedModRevision: null,
      } as const;
      log.apply([{ ...put, wantPrevious: false, keepValue: false, keepLease: false }]);
      await Promise.resolve();
    }
  };
  return { log, clock, compactor, write };
}

describe('the history that a leader keeps', () => {
  it('is cut when a tenth too much has gathered', async () => {
    const { log, compactor, write } = world(KEPT);
    compactor.start();
    await write(1_000);
    const { revision, compactRevision } = log.machine;
    expect(revision - compactRevision).toBeGreaterThanOrEqual(KEPT);
    expect(revision - compactRevision).toBeLessThanOrEqual(KEPT * 1.1 + 1);
    expect(log.proposed.length).toBeLessThan(1_000 / (KEPT / 10));
  });

  it('is left to the leader', async () => {
    const { log, compactor, write } = world(KEPT);
    compactor.start();
    compactor.stop();
    await write(1_000);
    expect(log.proposed).toEqual([]);
  });

  it('is kept whole when the setting says 0', async () => {
    const { log, compactor, write } = world(0);
    compactor.start();
    await write(1_000);
    expect(log.machine.compactRevision).toBe(0);
  });

  it('is cut later when there was no leader at the time', async () => {
    const { log, compactor, write } = world(KEPT);
    compactor.start();
    log.failure = { error: NO_LEADER, isApplied: false };
    await write(200);
    log.failure = null;
    await write(10);
    expect(log.machine.compactRevision).toBeGreaterThan(0);
  });
});

describe('the history that is older than the setting says', () => {
  it('goes, and what is younger stays', async () => {
    const { log, clock, compactor, write } = world(0, AGE_MS);
    compactor.start();
    await write(10);
    await clock.advance(AGE_MS / 2);
    const young = log.machine.revision;
    await write(10);
    await clock.advance(AGE_MS * 0.4);
    expect(log.machine.compactRevision).toBe(0);
    await clock.advance(AGE_MS * 0.3);
    expect(log.machine.compactRevision).toBe(young);
    await clock.advance(AGE_MS);
    expect(log.machine.compactRevision).toBe(log.machine.revision);
  });

  it('goes once, not again and again while nobody writes', async () => {
    const { log, clock, compactor, write } = world(0, AGE_MS);
    compactor.start();
    await write(10);
    await clock.advance(2 * AGE_MS);
    const proposedCount = log.proposed.length;
    expect(proposedCount).toBeGreaterThan(0);
    await clock.advance(10 * AGE_MS);
    expect(log.proposed).toHaveLength(proposedCount);
  });

  it('goes by the hand of whoever leads, who has taken the time before', async () => {
    const { log, clock, compactor, write } = world(0, AGE_MS);
    await write(10);
    await clock.advance(2 * AGE_MS);
    expect(log.proposed).toEqual([]);
    compactor.start();
    await clock.advance(AGE_MS / 10);
    expect(log.machine.compactRevision).toBe(log.machine.revision);
  });
});

describe('history of large values', () => {
  const VALUE_BYTES = 1_000;
  const MANY = 1_000_000;
  /** Of as many revisions as `KEPT`. */
  const MAX_BYTES = KEPT * VALUE_BYTES;

  it('is cut by its bytes, long before its revisions are too many', async () => {
    const { log, compactor, write } = world(MANY, 0, MAX_BYTES);
    compactor.start();
    await write(10 * KEPT, VALUE_BYTES);
    const { revision, compactRevision } = log.machine;
    expect(revision - compactRevision).toBeGreaterThanOrEqual(KEPT - 1);
    expect(revision - compactRevision).toBeLessThanOrEqual(KEPT * 1.1 + 1);
    expect(log.proposed.length).toBeLessThan((10 * KEPT) / (KEPT / 10));
  });

  it('is cut by a leader of what was written while another led', async () => {
    const { log, compactor, write } = world(MANY, 0, MAX_BYTES);
    await write(10 * KEPT, VALUE_BYTES);
    expect(log.machine.compactRevision).toBe(0);
    compactor.start();
    await Promise.resolve();
    const { revision, compactRevision } = log.machine;
    expect(revision - compactRevision).toBeLessThanOrEqual(KEPT * 1.1 + 1);
  });

  it('is kept whole when all revisions are to be kept', async () => {
    const { log, compactor, write } = world(0, 0, MAX_BYTES);
    compactor.start();
    await write(10 * KEPT, VALUE_BYTES);
    expect(log.machine.compactRevision).toBe(0);
  });
});
