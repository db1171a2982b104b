import { describe, expect, it } from 'vitest';
import { leaseId } from '@latchkey/state-machine';
import { LocalLog, NO_LEADER, OUTCOME_UNKNOWN } from './test-support/local-log.js';
import { ManualClock } from './test-support/manual-clock.js';
import { Lessor } from './lessor.js';

const LEASE = leaseId('0000000000000001');
const OTHER = leaseId('0000000000000002');
const TTL_MS = 1_000;
const LONG_TTL_MS = 60_000;
/** FAILURE-MODES 40: never later than this after its time. */
const MAX_LATE_MS = 2_000;

function world() {
  const clock = new ManualClock();
  const log = new LocalLog();
  const quorum = { isReachable: true, confirmations: 0 };
  const lessor = new Lessor({
    clock,
    reader: log.machine,
    propose: log.propose,
    confirmLeadership: async () => {
      quorum.confirmations += 1;
      if (!quorum.isReachable) throw NO_LEADER;
    },
  });
  log.onApply((result) => lessor.applied(result.leaseChanges));
  const grant = (id = LEASE, ttlMs = TTL_MS) => log.apply([{ type: 'leaseGrant', leaseId: id, ttlMs }]);
  const lives = (id = LEASE): boolean => log.machine.lease(id) !== null;
  return { clock, log, quorum, lessor, grant, lives };
}

describe('a lease that nobody renews', () => {
  it('ends after its TTL, not before', async () => {
    const { clock, lessor, grant, lives } = world();
    lessor.start(1);
    grant();
    await clock.advance(TTL_MS - 1);
    expect(lives()).toBe(true);
    await clock.advance(MAX_LATE_MS);
    expect(lives()).toBe(false);
  });

  it('ends together with others that are due, in one entry', async () => {
    const { clock, log, lessor, grant } = world();
    lessor.start(1);
    grant(LEASE);
    grant(OTHER);
    await clock.advance(TTL_MS + 1);
    expect(log.proposed.map(({ type }) => type)).toEqual([
      'leaseCheckpoint',
      'leaseCheckpoint',
      'leaseExpire',
      'leaseExpire',
    ]);
  });

  it('is not ended by a node that cannot reach its quorum (FAILURE-MODES 39)', async () => {
    const { clock, log, quorum, lessor, grant, lives } = world();
    lessor.start(1);
    grant();
    quorum.isReachable = false;
    await clock.advance(10 * TTL_MS);
    expect(lives()).toBe(true);
    expect(log.proposed.some(({ type }) => type === 'leaseExpire')).toBe(false);
    quorum.isReachable = true;
    await clock.advance(MAX_LATE_MS);
    expect(lives()).toBe(false);
  });

  it('outlives a leader that counted it in an earlier term', async () => {
    const { clock, log, lessor, grant, lives } = world();
    lessor.start(1);
    grant();
    log.term = 2;
    await clock.advance(TTL_MS + 1);
    expect(log.proposed.some(({ type }) => type === 'leaseExpire')).toBe(true);
    expect(lives()).toBe(true);
  });
});

describe('a renewal', () => {
  it('gives a full TTL from when it came', async () => {
    const { clock, lessor, grant, lives } = world();
    lessor.start(1);
    grant();
    await clock.advance(TTL_MS - 100);
    expect(await lessor.renew([LEASE])).toEqual([{ ttlMs: TTL_MS, remainingMs: TTL_MS }]);
    await clock.advance(TTL_MS - 1);
    expect(lives()).toBe(true);
    await clock.advance(MAX_LATE_MS);
    expect(lives()).toBe(false);
  });

  it('is not acknowledged without a confirmation that began after it came', async () => {
    const { quorum, lessor, grant } = world();
    lessor.start(1);
    grant();
    const before = quorum.confirmations;
    await lessor.renew([LEASE]);
    expect(quorum.confirmations).toBe(before + 1);
    quorum.isReachable = false;
    await expect(lessor.renew([LEASE])).rejects.toMatchObject({ code: 'NO_LEADER' });
  });

  it('never brings a lease back (FAILURE-MODES 41)', async () => {
    const { clock, log, lessor, grant } = world();
    lessor.start(1);
    grant();
    await clock.advance(TTL_MS + 1);
    expect(await lessor.renew([LEASE])).toEqual(['gone']);
    expect(log.machine.lease(LEASE)).toBeNull();
  });

  it('waits for what becomes of an expiry that is on its way, also one whose fate is unknown', async () => {
    const { clock, log, lessor, grant, lives } = world();
    lessor.start(1);
    grant();
    log.failure = { error: OUTCOME_UNKNOWN, isApplied: false };
    await clock.advance(TTL_MS + 1);
    expect(await lessor.renew([LEASE])).toEqual(['ending']);
    log.failure = null;
    await clock.advance(MAX_LATE_MS);
    expect(lives()).toBe(false);
    expect(await lessor.renew([LEASE])).toEqual(['gone']);
  });

  it('is good again after an expiry that was certainly not done', async () => {
    const { clock, log, lessor, grant, lives } = world();
    lessor.start(1);
    grant();
    log.failure = { error: NO_LEADER, isApplied: false };
    await clock.advance(TTL_MS + 1);
    log.failure = null;
    expect(await lessor.renew([LEASE])).toEqual([{ ttlMs: TTL_MS, remainingMs: TTL_MS }]);
    await clock.advance(TTL_MS - 1);
    expect(lives()).toBe(true);
  });

  it('is refused by a node that does not lead', async () => {
    const { lessor } = world();
    await expect(lessor.renew([LEASE])).rejects.toMatchObject({ code: 'NO_LEADER' });
  });

  it('that finds leadership lost while it asks is not acknowledged', async () => {
    const { lessor, grant } = world();
    lessor.start(1);
    grant();
    const renewal = lessor.renew([LEASE]);
    lessor.stop();
    await expect(renewal).rejects.toMatchObject({ code: 'NO_LEADER' });
  });
});

describe('a new leader (FAILURE-MODES 40)', () => {
  it('counts a full TTL from its start', async () => {
    const { clock, log, lessor, grant, lives } = world();
    grant();
    await clock.advance(10 * TTL_MS);
    log.term = 2;
    lessor.start(2);
    await clock.advance(TTL_MS - 1);
    expect(lives()).toBe(true);
    await clock.advance(MAX_LATE_MS);
    expect(lives()).toBe(false);
  });

  it('cannot extend for ever a lease that nobody renews, if each lasts half of what is left', async () => {
    const { clock, log, lessor, grant, lives } = world();
    grant(LEASE, LONG_TTL_MS);
    let elapsedMs = 0;
    for (let term = 1; lives() && elapsedMs < 100 * LONG_TTL_MS; term += 1) {
      log.term = term;
      lessor.start(term);
      const reignMs = LONG_TTL_MS / 2 + 1;
      await clock.advance(reignMs);
      elapsedMs += reignMs;
    }
    expect(lives()).toBe(false);
    expect(elapsedMs).toBeLessThanOrEqual(3 * LONG_TTL_MS);
  });

  it('puts a renewal of a checkpointed lease through the log, so that the next leader counts in full', async () => {
    const { clock, log, lessor, grant } = world();
    lessor.start(1);
    grant(LEASE, LONG_TTL_MS);
    await clock.advance(LONG_TTL_MS / 2 + 1);
    expect(log.machine.lease(LEASE)?.remainingTtlMs).toBe(LONG_TTL_MS / 2);
    await lessor.renew([LEASE]);
    expect(log.machine.lease(LEASE)?.remainingTtlMs).toBeNull();
  });

  it('does so too when the renewal comes while the checkpoint is on its way', async () => {
    const { clock, log, lessor, grant } = world();
    lessor.start(1);
    grant(LEASE, LONG_TTL_MS);
    log.failure = { error: OUTCOME_UNKNOWN, isApplied: false };
    await clock.advance(LONG_TTL_MS / 2 + 1);
    log.failure = null;
    await lessor.renew([LEASE]);
    expect(log.proposed.at(-1)).toEqual({ type: 'leaseRenew', leaseId: LEASE });
  });
});

describe('a pause of the process (FAILURE-MODES 42)', () => {
  it('ends nothing that was renewed before the quorum was asked again', async () => {
    const { clock, lessor, grant, lives } = world();
    lessor.start(1);
    grant();
    await clock.advance(TTL_MS / 2);
    const pausing = clock.pause(TTL_MS);
    // The renewal waited in a socket; it comes while the leader confirms itself.
    const renewal = lessor.renew([LEASE]);
    await pausing;
    expect(await renewal).toEqual([{ ttlMs: TTL_MS, remainingMs: TTL_MS }]);
    await clock.advance(TTL_MS / 2);
    expect(lives()).toBe(true);
  });
});
