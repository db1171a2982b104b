import { describe, expect, it } from 'vitest';
import { IdempotencyKeys } from './idempotency-keys.js';
import { key, leaseId, revision } from './ids.js';
import { MAX_IDEMPOTENCY_KEYS, MAX_IDEMPOTENCY_OUTCOME_BYTES, MAX_VALUE_BYTES } from './limits.js';
import type { Outcome, PutOutcome } from './outcomes.js';

const MANY = MAX_IDEMPOTENCY_KEYS * 3;
const BIG_OUTCOMES = 200;

const outcome = (valueBytes: number): PutOutcome => ({
  type: 'put',
  revision: revision(3),
  previous: {
    key: key('a'),
    value: new Uint8Array(valueBytes),
    createRevision: revision(2),
    modRevision: revision(2),
    version: 1,
    leaseId: null,
    updatedAtMs: 0,
  },
});

const remembered = (keys: IdempotencyKeys, count: number): number[] =>
  Array.from({ length: count }, (_, index) => index).filter((index) => keys.recall(`r${index}`) !== null);

describe('idempotency keys', () => {
  it('forget the oldest first, however many come', () => {
    const keys = new IdempotencyKeys();
    for (let index = 0; index < MANY; index += 1) keys.remember(`r${index}`, { commandHash: '', outcome: outcome(0) });
    const left = remembered(keys, MANY);
    expect([left.length, left[0]]).toEqual([MAX_IDEMPOTENCY_KEYS, MANY - MAX_IDEMPOTENCY_KEYS]);
  });

  it('forget the oldest earlier when their answers hold large values, wherever in the answer these are', () => {
    const keys = new IdempotencyKeys();
    const put = outcome(MAX_VALUE_BYTES);
    const { previous } = put;
    if (previous === null) throw new Error('made with a previous version');
    const range = { type: 'range', revision: revision(3), records: [previous], count: 1, more: false } as const;
    const holder = { key: previous.key, leaseId: leaseId('0000000000000001'), record: previous };
    const shapes: Outcome[] = [
      put,
      { type: 'deleted', revision: revision(3), deletedCount: 1, previous: [previous] },
      { type: 'transaction', revision: revision(3), succeeded: true, responses: [range] },
      { type: 'held', revision: revision(3), holder },
      { type: 'evicted', revision: revision(3), holder },
    ];
    for (let index = 0; index < BIG_OUTCOMES; index += 1) {
      keys.remember(`r${index}`, { commandHash: '', outcome: shapes[index % shapes.length] ?? put });
    }
    const left = remembered(keys, BIG_OUTCOMES);
    expect(left.length).toBe(Math.floor(MAX_IDEMPOTENCY_OUTCOME_BYTES / (MAX_VALUE_BYTES + 100)));
    expect(left.at(-1)).toBe(BIG_OUTCOMES - 1);
  });

  it('keep the newest whatever its size', () => {
    const keys = new IdempotencyKeys();
    keys.remember('r0', { commandHash: '', outcome: outcome(1) });
    keys.remember('r1', { commandHash: '', outcome: outcome(MAX_IDEMPOTENCY_OUTCOME_BYTES) });
    expect(remembered(keys, 2)).toEqual([1]);
  });
});
