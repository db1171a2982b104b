import type { ClientRequest } from '@latchkey/contracts';
import type { ProposeOptions } from '@latchkey/replica';
import { leaseId, type Command } from '@latchkey/state-machine';
import { describe, expect, it } from 'vitest';
import { LocalLog } from '../../../../libs/lessor/src/test-support/local-log.js';
import { ManualClock } from '../../../../libs/lessor/src/test-support/manual-clock.js';
import { LockView } from '../locks/lock-view.js';
import { QueueTimes } from '../locks/queue-times.js';
import { Waiters } from '../locks/waiters.js';
import { RequestExecutor, type ExecutorParts } from './request-executor.js';

const HOLDER = '0000000000000001';
const WAITER = '0000000000000002';
const NAME = 'orders/42';

const acquire = (lease: string, wait: { readonly waitMs?: number } = {}): ClientRequest => ({
  op: 'acquire',
  space: 'locks',
  name: NAME,
  lease,
  ...wait,
});
const PUT: ClientRequest = { op: 'put', key: 'colour', value: Uint8Array.of(1) };

/** An executor whose proposals are noted and never come back. */
function world() {
  const log = new LocalLog();
  const clock = new ManualClock();
  for (const id of [HOLDER, WAITER]) log.apply([{ type: 'leaseGrant', leaseId: leaseId(id), ttlMs: 60_000 }]);
  const enters = (id: string): Command => ({
    type: 'queueEnter',
    space: 'locks',
    name: NAME,
    leaseId: leaseId(id),
    wait: true,
    value: new Uint8Array(0),
  });
  const leaves = (id: string): Command => ({
    type: 'queueLeave',
    space: 'locks',
    name: NAME,
    leaseId: leaseId(id),
    onlyIfWaiting: false,
  });
  const proposed: ProposeOptions[] = [];
  const parts = {
    proposer: {
      propose: (_commands: unknown, _origin: unknown, options: ProposeOptions) => {
        proposed.push(options);
        return new Promise(() => undefined);
      },
    },
    clock,
    acquisitions: {
      clock,
      reader: log.machine,
      waiters: new Waiters(),
      view: new LockView(log.machine, new QueueTimes(), clock),
    },
  } as unknown as ExecutorParts;
  const executor = new RequestExecutor(parts);
  const sink = { succeed: () => undefined, fail: () => undefined, waits: () => undefined };
  /** Whether the one proposal that became of them can wait now, whenever it is asked. */
  const execute = (...requests: ClientRequest[]): (() => boolean) => {
    executor.execute(
      requests.map((request, id) => ({ id, request })),
      { type: 'none' },
      sink,
    );
    const options = proposed.at(-1);
    return () => options?.canWait?.() ?? false;
  };
  return {
    execute,
    hold: (id: string) => log.apply([enters(id)]),
    release: (id: string) => log.apply([leaves(id)]),
  };
}

describe('a request for a lock that others hold lets other writes go first', () => {
  it('until they have left', () => {
    const { execute, hold, release } = world();
    hold(HOLDER);
    const canWait = execute(acquire(WAITER));
    expect(canWait()).toBe(true);
    release(HOLDER);
    expect(canWait()).toBe(false);
  });

  it.each([
    ['the lock is free', false, [acquire(WAITER)]],
    ['it does not want to wait', true, [acquire(WAITER, { waitMs: 0 })]],
    ['it has little time to wait', true, [acquire(WAITER, { waitMs: 99 })]],
    ['it is the holder, who asks once more', true, [acquire(HOLDER)]],
    ['another write came with it', true, [acquire(WAITER), PUT]],
  ])('not when %s', (_case, isHeld, requests) => {
    const { execute, hold } = world();
    if (isHeld) hold(HOLDER);
    expect(execute(...requests)()).toBe(false);
  });

  it('with enough time to wait', () => {
    const { execute, hold } = world();
    hold(HOLDER);
    expect(execute(acquire(WAITER, { waitMs: 100 }))()).toBe(true);
  });
});

describe('a write that is no request for a lock', () => {
  it('lets no other go first', () => {
    const { execute, hold } = world();
    hold(HOLDER);
    expect(execute(PUT)()).toBe(false);
  });
});
