import {
  LogStoreError,
  type ReplicaPhase,
  type ReplicaStatus,
  type StoreVerifier,
  type VerifiedPage,
} from '@latchkey/replica';
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../../../libs/lessor/src/test-support/manual-clock.js';
import type { PartLogger } from '../logging/part-logger.js';
import { SCRUB_PAUSE_FACTOR, SCRUB_PAUSE_MAX_MS, SCRUB_ROWS_PER_PAUSE, StoreScrubber } from './store-scrubber.js';

const INTERVAL_MS = 30_000;
const PAGE_MS = 4;
const PAGE: VerifiedPage = { table: 'log_batch', rowCount: 1, byteCount: 1_000 };
const DAMAGE = new LogStoreError('corrupt', 'log_batch: row 7');

type Step = 'page' | VerifiedPage | LogStoreError;

/** A store whose pages take `pageMs` each; every pass goes through the same steps. */
function scrubbed({ steps, pageMs = PAGE_MS, intervalMs = INTERVAL_MS }: ScrubbedOptions) {
  const clock = new ManualClock();
  const state = { phase: 'running' as ReplicaPhase, openPasses: 0, begunPasses: 0, found: [] as Error[], logged: 0 };
  const verifier: StoreVerifier = {
    async *verify() {
      state.openPasses += 1;
      state.begunPasses += 1;
      try {
        for (const step of steps()) {
          await new Promise<void>((resolve) => void clock.setTimer(pageMs, resolve));
          if (step instanceof LogStoreError) throw step;
          yield step === 'page' ? PAGE : step;
        }
      } finally {
        state.openPasses -= 1;
      }
    },
  };
  const log = (): void => void (state.logged += 1);
  const scrubber = new StoreScrubber({
    clock,
    verifier,
    replica: {
      // Only the phase is looked at.
      status: () => ({ phase: state.phase }) as unknown as ReplicaStatus,
      storeFoundCorrupt: (error) => void state.found.push(error),
    },
    // Only these are called.
    logger: { error: log, info: log } as unknown as PartLogger,
    intervalMs,
  });
  scrubber.start();
  return { clock, scrubber, state };
}

type ScrubbedOptions = {
  readonly steps: () => readonly Step[];
  readonly pageMs?: number;
  readonly intervalMs?: number;
};

const pages = (count: number): (() => readonly Step[]) => {
  const all = Array.from({ length: count }, (): Step => 'page');
  return () => all;
};
const PAUSED_PAGE_MS = PAGE_MS * (1 + SCRUB_PAUSE_FACTOR);

describe('the look for damage in the store', () => {
  it('works for no more than 2 % of the time while it goes through the pages, and begins again after a while', async () => {
    const { clock, scrubber } = scrubbed({ steps: pages(10) });
    await clock.advance(INTERVAL_MS + 5 * PAUSED_PAGE_MS);
    expect([scrubber.verifiedPages, scrubber.verifiedPasses]).toEqual([5, 0]);
    await clock.advance(6 * PAUSED_PAGE_MS);
    expect([scrubber.verifiedPages, scrubber.verifiedPasses]).toEqual([10, 1]);
    await clock.advance(INTERVAL_MS + 11 * PAUSED_PAGE_MS);
    expect([scrubber.verifiedPages, scrubber.verifiedPasses]).toEqual([20, 2]);
    scrubber.stop();
  });

  it('does not take the wait of a busy machine for work: it is through in time all the same', async () => {
    const { clock, scrubber } = scrubbed({ steps: pages(3), pageMs: SCRUB_PAUSE_MAX_MS });
    await clock.advance(INTERVAL_MS + 3 * 2 * SCRUB_PAUSE_MAX_MS);
    expect(scrubber.verifiedPages).toBe(3);
    scrubber.stop();
  });

  it('gives a page of many rows the pause that its work is worth', async () => {
    const sum = { table: 'state_row', rowCount: 10 * SCRUB_ROWS_PER_PAUSE, byteCount: 0 };
    const { clock, scrubber } = scrubbed({ steps: () => [sum, 'page'], pageMs: SCRUB_PAUSE_MAX_MS });
    await clock.advance(INTERVAL_MS + 10 * SCRUB_PAUSE_MAX_MS);
    expect(scrubber.verifiedPages).toBe(1);
    await clock.advance(2 * SCRUB_PAUSE_MAX_MS);
    expect(scrubber.verifiedPages).toBe(2);
    scrubber.stop();
  });

  it('tells the replica of damage, and gives back what it holds of the store', async () => {
    const { clock, scrubber, state } = scrubbed({ steps: () => ['page', DAMAGE] });
    await clock.advance(INTERVAL_MS + 3 * PAUSED_PAGE_MS);
    expect(state.found).toEqual([DAMAGE]);
    expect([scrubber.verifiedPasses, scrubber.damagedPasses, state.openPasses]).toEqual([0, 1, 0]);
    scrubber.stop();
  });

  it('waits while the node takes no part', async () => {
    const { clock, scrubber, state } = scrubbed({ steps: pages(1) });
    state.phase = 'rejoining';
    await clock.advance(5 * INTERVAL_MS);
    expect(state.begunPasses).toBe(0);
    state.phase = 'running';
    await clock.advance(INTERVAL_MS + PAUSED_PAGE_MS);
    expect(scrubber.verifiedPages).toBe(1);
    scrubber.stop();
  });

  it('goes on after a database that cannot be reached, and does not fill the log with it', async () => {
    const unavailable = new LogStoreError('unavailable', 'no connection');
    const { clock, scrubber, state } = scrubbed({ steps: () => [unavailable], intervalMs: 1_000 });
    await clock.advance(50_000);
    expect(state.begunPasses).toBeGreaterThan(40);
    expect([state.logged, state.found.length]).toEqual([1, 0]);
    scrubber.stop();
  });

  it('ends with the node, in the middle of a pass as well, and can be turned off', async () => {
    const { clock, scrubber, state } = scrubbed({ steps: pages(10) });
    await clock.advance(INTERVAL_MS + PAUSED_PAGE_MS - 1);
    scrubber.stop();
    await clock.advance(10 * INTERVAL_MS);
    expect([scrubber.verifiedPages, state.openPasses, state.begunPasses]).toEqual([1, 0, 1]);
    const off = scrubbed({ steps: pages(1), intervalMs: 0 });
    await off.clock.advance(10 * INTERVAL_MS);
    expect(off.state.begunPasses).toBe(0);
  });
});
