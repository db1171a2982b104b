import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkLocksBySearch, type LockOperation, type LockOutput } from './lock-model.js';
import { hasOrder } from './test-support/brute-force.js';
import type { Interval } from './test-support/history-builders.js';

const SEED = 20_261_121;
const TINY = 6;
const TINY_RUNS = 3_000;
const EITHER_VERDICT_MIN = 300;
/** Greater than every token below, with room for the grants that nobody saw. */
const TOKEN_MAX = 4 + TINY;

describe('locks by search: histories that are good', () => {
  it.each<[string, LockOperation[]]>([
    ['one holder after the other', [acquired('a', [0, 1], 2), released('a', [2, 3], 2), acquired('b', [4, 5], 3)]],
    [
      'a wait that ends when the holder lets go',
      [acquired('a', [0, 1], 2), acquired('b', [2, 9], 3), released('a', [7, 8], 2)],
    ],
    ['a refusal while another holds it', [acquired('a', [0, 1], 2), held('b', [2, 3]), released('a', [4, 5], 2)]],
    ['the same grant again for who holds it', [acquired('a', [0, 1], 2), acquired('a', [2, 3], 2)]],
    [
      'a release of a grant that ended long ago',
      [acquired('a', [0, 1], 2), released('a', [2, 3], 2), notHeld('a', [4, 5], 2)],
    ],
    [
      'a lease that ran out',
      [acquired('a', [0, 1], 2), mayRunOut('a', 10, 2), acquired('b', [8, 12], 3), notHeld('a', [13, 14], 2)],
    ],
    ['an unanswered acquire that was granted', [unansweredAcquire('a', 0), held('b', [2, 3])]],
    ['an unanswered acquire that never was', [unansweredAcquire('a', 0), acquired('b', [2, 3], 2)]],
    [
      'an unanswered acquire that learned its token by asking again',
      [unansweredAcquire('a', 0), held('b', [2, 3]), acquired('a', [4, 5], 7)],
    ],
    [
      'a release without a token after an unanswered acquire',
      [unansweredAcquire('a', 0), held('b', [2, 3]), releasedUnseen('a', [4, 5]), acquired('b', [6, 7], 9)],
    ],
    [
      'two locks held at once',
      [acquired('a', [0, 1], 2), { ...acquired('b', [0, 1], 3), input: { type: 'acquire', lock: 'l', holder: 'b' } }],
    ],
  ])('accepts %s', (_title, operations) => {
    expect(checkLocksBySearch(operations).findings).toEqual([]);
  });
});

describe('locks by search: histories that are bad, each rejected', () => {
  it.each<[string, LockOperation[], string]>([
    [
      'two holders at once',
      [acquired('a', [0, 1], 2), acquired('b', [2, 3], 3)],
      'b: acquire for b → acquired with token 3',
    ],
    [
      'a grant before the lease could run out',
      [acquired('a', [0, 1], 2), mayRunOut('a', 10, 2), acquired('b', [3, 9], 3)],
      'b: acquire for b → acquired with token 3',
    ],
    [
      'a token that is used twice',
      [acquired('a', [0, 1], 2), released('a', [2, 3], 2), acquired('b', [4, 5], 2)],
      'b: acquire for b → acquired with token 2',
    ],
    [
      'a token smaller than one before',
      [acquired('a', [0, 1], 5), released('a', [2, 3], 5), acquired('b', [4, 5], 4)],
      'b: acquire for b → acquired with token 4',
    ],
    [
      'another token for the same grant',
      [acquired('a', [0, 1], 2), acquired('a', [2, 3], 3)],
      'a: acquire for a → acquired with token 3',
    ],
    ['a refusal although nobody has it', [held('b', [0, 1])], 'b: acquire for b → held'],
    ['a refusal for who has it', [acquired('a', [0, 1], 2), held('a', [2, 3])], 'a: acquire for a → held'],
    [
      'a refusal after the holder let go',
      [acquired('a', [0, 1], 2), released('a', [2, 3], 2), held('b', [4, 5])],
      'b: acquire for b → held',
    ],
    ['a release of a lock that is not held', [released('a', [0, 1], 2)], 'a: release for a of token 2 → released'],
    [
      'a release that took away a later grant',
      [acquired('a', [0, 1], 2), released('a', [2, 3], 2), acquired('b', [4, 5], 3), released('a', [6, 7], 2)],
      'a: release for a of token 2 → released',
    ],
    [
      'a release that is told it held nothing',
      [acquired('a', [0, 1], 2), notHeld('a', [2, 3], 2)],
      'a: release for a of token 2 → notHeld',
    ],
    [
      'no room for the token of an unanswered grant',
      [
        acquired('a', [0, 1], 2),
        released('a', [2, 3], 2),
        unansweredAcquire('b', 3),
        held('c', [4, 5]),
        releasedUnseen('b', [6, 7]),
        acquired('c', [8, 9], 3),
      ],
      'c: acquire for c → acquired with token 3',
    ],
  ])('%s', (_title, operations, unplaced) => {
    const { verdict, findings } = checkLocksBySearch(operations);
    expect(verdict).toBe('violation');
    expect(findings[0]?.explanation?.unplaced[0]).toContain(unplaced);
  });
});

describe('locks by search, against all orders tried', () => {
  const holders = fc.constantFrom('a', 'b');
  const tokens = fc.integer({ min: 1, max: 4 });
  const intervals = fc.tuple(fc.nat(9), fc.nat(6)).map(([atMs, forMs]) => [atMs, atMs + forMs] as const);
  const who = fc.tuple(holders, intervals, tokens);
  const operations: fc.Arbitrary<LockOperation> = fc.oneof(
    { weight: 5, arbitrary: who.map(([holder, interval, token]) => acquired(holder, interval, token)) },
    { weight: 3, arbitrary: who.map(([holder, interval, token]) => released(holder, interval, token)) },
    { weight: 1, arbitrary: who.map(([holder, interval]) => releasedUnseen(holder, interval)) },
    { weight: 1, arbitrary: who.map(([holder, interval, token]) => notHeld(holder, interval, token)) },
    { weight: 1, arbitrary: who.map(([holder, interval]) => held(holder, interval)) },
    { weight: 2, arbitrary: who.map(([holder, [atMs]]) => unansweredAcquire(holder, atMs)) },
    { weight: 2, arbitrary: who.map(([holder, [atMs], token]) => mayRunOut(holder, atMs, token)) },
  );

  it('agrees with a lock whose unseen tokens are all tried', () => {
    const seen = { linearizable: 0, violation: 0 };
    fc.assert(
      fc.property(fc.array(operations, { minLength: 1, maxLength: TINY }), (history) => {
        const truth = hasOrder(history, isExplained) ? 'linearizable' : 'violation';
        seen[truth] += 1;
        expect(checkLocksBySearch(history).verdict).toBe(truth);
      }),
      { seed: SEED, numRuns: TINY_RUNS },
    );
    expect(Math.min(seen.linearizable, seen.violation)).toBeGreaterThan(EITHER_VERDICT_MIN);
  });
});

type Grant = { readonly holder: string | null; readonly token: number };

/** The lock once more, by hand: all states that it can be in, with every token that an unseen grant can have had. */
function isExplained(order: readonly LockOperation[]): boolean {
  let grants: Grant[] = [{ holder: null, token: 0 }];
  for (const operation of order) grants = grants.flatMap((grant) => after(grant, operation));
  return grants.length > 0;
}

function after(grant: Grant, { input, ending }: LockOperation): Grant[] {
  const answer = ending.type === 'ok' ? ending.result : null;
  const isHolder = grant.holder === input.holder;
  if (input.type === 'release') {
    const isMine = isHolder && (input.fencingToken === null || input.fencingToken === grant.token);
    if (answer !== null && (answer.type === 'released') !== isMine) return [];
    return [isMine ? { ...grant, holder: null } : grant];
  }
  if (answer?.type === 'held') return grant.holder === null || isHolder ? [] : [grant];
  if (grant.holder !== null) {
    const isSameGrant = isHolder && answer?.type === 'acquired' && answer.fencingToken === grant.token;
    return answer === null || isSameGrant ? [grant] : [];
  }
  return Array.from({ length: TOKEN_MAX }, (_, position) => ({ holder: input.holder, token: position + 1 })).filter(
    ({ token }) =>
      token > grant.token && (answer === null || (answer.type === 'acquired' && answer.fencingToken === token)),
  );
}

function acquired(holder: string, interval: Interval, fencingToken: number): LockOperation {
  return answered({ type: 'acquire', lock: 'k', holder }, interval, { type: 'acquired', fencingToken });
}

function held(holder: string, interval: Interval): LockOperation {
  return answered({ type: 'acquire', lock: 'k', holder }, interval, { type: 'held' });
}

function released(holder: string, interval: Interval, fencingToken: number): LockOperation {
  return answered({ type: 'release', lock: 'k', holder, fencingToken }, interval, { type: 'released' });
}

function releasedUnseen(holder: string, interval: Interval): LockOperation {
  return answered({ type: 'release', lock: 'k', holder, fencingToken: null }, interval, { type: 'released' });
}

function notHeld(holder: string, interval: Interval, fencingToken: number): LockOperation {
  return answered({ type: 'release', lock: 'k', holder, fencingToken }, interval, { type: 'notHeld' });
}

function unansweredAcquire(holder: string, invokedAtMs: number): LockOperation {
  return { client: holder, input: { type: 'acquire', lock: 'k', holder }, invokedAtMs, ending: { type: 'unknown' } };
}

function mayRunOut(holder: string, invokedAtMs: number, fencingToken: number): LockOperation {
  const input = { type: 'release', lock: 'k', holder, fencingToken } as const;
  return { client: 'the lease', input, invokedAtMs, ending: { type: 'unknown' } };
}

function answered(
  input: LockOperation['input'],
  [invokedAtMs, returnedAtMs]: Interval,
  result: LockOutput,
): LockOperation {
  return { client: input.holder, input, invokedAtMs, ending: { type: 'ok', returnedAtMs, result } };
}
