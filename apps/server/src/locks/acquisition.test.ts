import { describe, expect, it } from 'vitest';
import type { AcquireResult, ErrorBody } from '@latchkey/contracts';
import { leaseId, type Command, type LeaseId } from '@latchkey/state-machine';
import { commandOf } from '../commands/to-command.js';
import { LocalLog, OUTCOME_UNKNOWN } from '../../../../libs/lessor/src/test-support/local-log.js';
import { ManualClock } from '../../../../libs/lessor/src/test-support/manual-clock.js';
import { Acquisition } from './acquisition.js';
import { LockView } from './lock-view.js';
import { QueueTimes } from './queue-times.js';
import { Waiters } from './waiters.js';

const HOLDER = leaseId('0000000000000001');
const WAITER = leaseId('0000000000000002');
const NAME = 'orders/42';
const WAIT_MS = 500;

type Answer = { readonly granted: AcquireResult } | { readonly failed: ErrorBody };

function world() {
  const clock = new ManualClock();
  const log = new LocalLog();
  const waiters = new Waiters();
  const times = new QueueTimes();
  const view = new LockView(log.machine, times, clock);
  let isAway = false;
  log.onApply((result, proposedAtMs) => {
    if (isAway) return;
    times.applied(result, proposedAtMs);
    waiters.applied(result);
  });
  /** The state jumps to what `happening` makes of it: nobody here hears of the entries. */
  const jump = (happening: () => void) => {
    isAway = true;
    happening();
    isAway = false;
    times.replaced(log.machine);
    waiters.replaced();
  };
  for (const id of [HOLDER, WAITER]) log.apply([{ type: 'leaseGrant', leaseId: id, ttlMs: 60_000 }]);
  const parts = {
    clock,
    reader: log.machine,
    waiters,
    view,
    propose: (commands: readonly Command[]) => log.propose(commands),
    remainingMs: () => 777,
  };
  const acquire = (lease: LeaseId, waitMs?: number) => {
    const answers: Answer[] = [];
    const request = {
      op: 'acquire',
      space: 'locks',
      name: NAME,
      lease,
      owner: { job: lease },
      ...(waitMs === undefined ? {} : { waitMs }),
    } as const;
    const acquisition = new Acquisition(parts, request, {
      granted: (granted) => answers.push({ granted }),
      failed: (failed) => answers.push({ failed }),
    });
    const [outcome] = log.apply([commandOf(request, () => lease)]).outcomes;
    if (outcome !== undefined) acquisition.entered(outcome);
    return { acquisition, answers };
  };
  const release = (lease: LeaseId) =>
    log.apply([{ type: 'queueLeave', space: 'locks', name: NAME, leaseId: lease, onlyIfWaiting: false }]);
  return { clock, log, waiters, times, view, acquire, release, jump };
}

const codeOf = (answers: readonly Answer[]) =>
  answers.map((answer) => ('failed' in answer ? answer.failed.code : 'granted'));

describe('acquiring a lock', () => {
  it('that is free answers at once, with a token and what is left of the lease', () => {
    const { log, acquire } = world();
    const { answers } = acquire(HOLDER);
    expect(answers).toEqual([
      { granted: { revision: log.machine.revision, fencingToken: log.machine.revision, remainingMs: 777 } },
    ]);
  });

  it('that is held, without waiting, names the holder', () => {
    const { acquire } = world();
    acquire(HOLDER);
    const { answers } = acquire(WAITER, 0);
    expect(answers).toMatchObject([
      {
        failed: {
          code: 'LOCK_HELD',
          retry: 'safe',
          details: { holder: { lease: HOLDER, owner: { job: HOLDER }, mode: 'exclusive' } },
        },
      },
    ]);
  });

  it('waits its turn and is told once', () => {
    const { waiters, acquire, release } = world();
    acquire(HOLDER);
    const { answers } = acquire(WAITER);
    expect(answers).toEqual([]);
    release(HOLDER);
    expect(codeOf(answers)).toEqual(['granted']);
    expect(waiters.size).toBe(0);
  });

  it('gives up after its time and leaves the queue', async () => {
    const { clock, log, acquire } = world();
    acquire(HOLDER);
    const { answers } = acquire(WAITER, WAIT_MS);
    await clock.advance(WAIT_MS - 1);
    expect(answers).toEqual([]);
    await clock.advance(1);
    expect(codeOf(answers)).toEqual(['LOCK_WAIT_TIMEOUT']);
    expect(log.machine.queueEntry('locks', NAME, WAITER)).toBeNull();
  });

  it('keeps a grant that came before it could leave', async () => {
    const { clock, log, acquire, release } = world();
    acquire(HOLDER);
    const { answers } = acquire(WAITER, WAIT_MS);
    const original = log.propose;
    log.propose = async (commands, origin) => {
      release(HOLDER);
      return original(commands, origin);
    };
    await clock.advance(WAIT_MS);
    expect(codeOf(answers)).toEqual(['granted']);
  });

  it('that is cancelled leaves the queue', async () => {
    const { clock, log, acquire } = world();
    acquire(HOLDER);
    const { acquisition, answers } = acquire(WAITER);
    acquisition.cancel();
    await clock.settle();
    expect(codeOf(answers)).toEqual(['CANCELLED']);
    expect(log.machine.queueEntry('locks', NAME, WAITER)).toBeNull();
  });

  it('whose client is cut off keeps its place, for the client to find again elsewhere', async () => {
    const { clock, log, waiters, acquire } = world();
    acquire(HOLDER);
    const { acquisition, answers } = acquire(WAITER, WAIT_MS);
    acquisition.abandon();
    await clock.advance(2 * WAIT_MS);
    expect(answers).toEqual([]);
    expect(waiters.size).toBe(0);
    expect(log.machine.queueEntry('locks', NAME, WAITER)).not.toBeNull();
  });

  it('answers a repetition by the place as it is now, not by the outcome of the first attempt', () => {
    const { log, acquire, release } = world();
    acquire(HOLDER);
    acquire(WAITER);
    release(HOLDER);
    const token = log.machine.queueEntry('locks', NAME, WAITER)?.record.createRevision;
    const { acquisition, answers } = acquire(WAITER);
    // What the first attempt was answered, kept for exactly-once.
    acquisition.entered({
      type: 'queued',
      revision: log.machine.revision,
      createRevision: log.machine.revision,
      position: 1,
    });
    expect(answers).toMatchObject([{ granted: { fencingToken: token } }]);
  });

  it('ends when its lease does', () => {
    const { log, acquire } = world();
    acquire(HOLDER);
    const { answers } = acquire(WAITER);
    log.apply([{ type: 'leaseRevoke', leaseId: WAITER }]);
    expect(codeOf(answers)).toEqual(['LEASE_NOT_FOUND']);
  });

  it('ends when somebody else gives its place up', () => {
    const { acquire, release } = world();
    acquire(HOLDER);
    const { answers } = acquire(WAITER);
    release(WAITER);
    expect(codeOf(answers)).toEqual(['LOCK_NOT_HELD']);
  });

  it('says that it does not know when leaving the queue failed that way', async () => {
    const { clock, log, acquire } = world();
    acquire(HOLDER);
    const { answers } = acquire(WAITER, WAIT_MS);
    log.failure = { error: OUTCOME_UNKNOWN, isApplied: true };
    await clock.advance(WAIT_MS);
    expect(codeOf(answers)).toEqual(['OUTCOME_UNKNOWN']);
  });
});

describe('the state jumps, as by a snapshot of the leader', () => {
  it('and whoever was granted the lock meanwhile is told', () => {
    const { waiters, acquire, release, jump } = world();
    acquire(HOLDER);
    const { answers } = acquire(WAITER);
    jump(() => release(HOLDER));
    expect(codeOf(answers)).toEqual(['granted']);
    expect(waiters.size).toBe(0);
  });

  it('and whoever lost its place meanwhile is told why', () => {
    const { log, acquire, jump } = world();
    acquire(HOLDER);
    const { answers } = acquire(WAITER);
    jump(() => log.apply([{ type: 'leaseRevoke', leaseId: WAITER }]));
    expect(codeOf(answers)).toEqual(['LEASE_NOT_FOUND']);
  });

  it('and whoever still waits goes on waiting', () => {
    const { acquire, release, jump } = world();
    acquire(HOLDER);
    const { answers } = acquire(WAITER);
    jump(() => undefined);
    expect(answers).toEqual([]);
    release(HOLDER);
    expect(codeOf(answers)).toEqual(['granted']);
  });

  it('and the times of places that are gone are forgotten, those of the others are not', () => {
    const { times, acquire, release, jump } = world();
    const place = (lease: LeaseId) => ({ space: 'locks', name: NAME, leaseId: lease }) as const;
    acquire(HOLDER);
    acquire(WAITER);
    const before = times.of(place(WAITER));
    jump(() => release(HOLDER));
    expect(times.of(place(HOLDER))).toBeNull();
    expect(times.of(place(WAITER))).toEqual(before);
    // The same place at another time: nothing is known of it.
    jump(() => {
      release(WAITER);
      acquire(WAITER);
    });
    expect(times.of(place(WAITER))).toBeNull();
  });
});

describe('looking at a lock', () => {
  it('tells who holds it and who waits, and since when', () => {
    const { view, acquire, release } = world();
    acquire(HOLDER);
    acquire(WAITER);
    const before = view.inspect('locks', NAME);
    expect(before.holders.map(({ lease }) => lease)).toEqual([HOLDER]);
    expect(before.queue).toMatchObject([{ lease: WAITER, position: 1, owner: { job: WAITER } }]);
    release(HOLDER);
    const after = view.inspect('locks', NAME);
    expect(after.holders.map(({ lease }) => lease)).toEqual([WAITER]);
    // It holds since the release, which is later than when it began to wait.
    expect(after.holders[0]?.sinceMs).toBeLessThan(before.queue[0]?.waitedMs ?? 0);
    expect(view.list('locks', 'orders/')).toEqual([after]);
    expect(view.list('locks', 'other')).toEqual([]);
  });
});
