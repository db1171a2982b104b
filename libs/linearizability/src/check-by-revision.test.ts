import { describe, expect, it } from 'vitest';
import { checkByRevision } from './check-by-revision.js';
import type { AppliedWrite, Operation, ReadOperation, WriteOperation } from './history.js';

type Interval = readonly [invokedAtMs: number, returnedAtMs: number];

const put = (value: string, [invokedAtMs, returnedAtMs]: Interval, revision: number): WriteOperation => ({
  type: 'write',
  client: 'a',
  key: 'k',
  value,
  invokedAtMs,
  ending: { type: 'ok', returnedAtMs, result: { revision } },
});
const putWithoutAnswer = (value: string): WriteOperation => ({
  type: 'write',
  client: 'a',
  key: 'k',
  value,
  invokedAtMs: 0,
  ending: { type: 'unknown' },
});
const refusedPut = (value: string): WriteOperation => ({
  ...putWithoutAnswer(value),
  ending: { type: 'failed', returnedAtMs: 1 },
});
const remove = (interval: Interval, revision: number): WriteOperation => ({
  ...put('', interval, revision),
  value: null,
});
const read = (value: string | null, [invokedAtMs, returnedAtMs]: Interval, revision: number): ReadOperation => ({
  type: 'read',
  client: 'b',
  key: 'k',
  invokedAtMs,
  ending: { type: 'ok', returnedAtMs, result: { revision, value } },
});
const applied = (...values: (string | null)[]): AppliedWrite[] =>
  values.map((value, position) => ({ revision: position + 2, key: 'k', value }));

const rulesBroken = (operations: Operation[], writes: AppliedWrite[]) =>
  checkByRevision({ operations, applied: writes }).map(({ rule }) => rule);

describe('check by revision: histories that are linearizable', () => {
  it('accepts an empty history', () => {
    expect(rulesBroken([], [])).toEqual([]);
  });

  it('accepts writes one after the other and reads of their values', () => {
    const operations = [put('1', [0, 1], 2), read('1', [2, 3], 2), put('2', [4, 5], 3), read('2', [6, 7], 3)];
    expect(rulesBroken(operations, applied('1', '2'))).toEqual([]);
  });

  it('accepts overlapping writes in either order', () => {
    expect(rulesBroken([put('1', [0, 9], 3), put('2', [1, 8], 2)], applied('2', '1'))).toEqual([]);
  });

  it('accepts an unanswered write whether it took effect or not', () => {
    expect(rulesBroken([putWithoutAnswer('1')], applied('1'))).toEqual([]);
    expect(rulesBroken([putWithoutAnswer('1')], [])).toEqual([]);
  });

  it('accepts a read of nothing before the first write and after a delete', () => {
    const operations = [read(null, [0, 1], 1), put('1', [2, 3], 2), remove([4, 5], 3), read(null, [6, 7], 3)];
    expect(rulesBroken(operations, applied('1', null))).toEqual([]);
  });
});

describe('check by revision: bad histories, each rejected', () => {
  it('an acknowledged write that is nowhere', () => {
    expect(rulesBroken([put('1', [0, 1], 2)], [])).toEqual(['acknowledgedWriteLost']);
  });

  it('an acknowledged write that stands at another revision', () => {
    expect(rulesBroken([put('1', [0, 1], 3)], applied('1'))).toEqual(['acknowledgedWriteLost']);
  });

  it('an acknowledged delete that is nowhere', () => {
    expect(rulesBroken([put('1', [0, 1], 2), remove([2, 3], 3)], applied('1'))).toEqual(['acknowledgedWriteLost']);
  });

  it('a retried write that took effect twice', () => {
    expect(rulesBroken([put('1', [0, 1], 2)], applied('1', '1'))).toEqual(['writeTookEffectTwice']);
  });

  it('an unanswered write that took effect twice', () => {
    expect(rulesBroken([putWithoutAnswer('1')], applied('1', '1'))).toEqual(['writeTookEffectTwice']);
  });

  it('a refused write that took effect', () => {
    expect(rulesBroken([refusedPut('1')], applied('1'))).toEqual(['failedWriteTookEffect']);
  });

  it('a write that nobody made', () => {
    expect(rulesBroken([], applied('1'))).toEqual(['writeFromNowhere']);
  });

  it('a delete that nobody made', () => {
    expect(rulesBroken([put('1', [0, 1], 2)], applied('1', null))).toEqual(['writeFromNowhere']);
  });

  it('a write ordered before one that had already ended when it began', () => {
    expect(rulesBroken([put('1', [0, 1], 3), put('2', [2, 3], 2)], applied('2', '1'))).toEqual(['realTimeOrder']);
  });

  it('a stale read: older than a write that ended before it began', () => {
    expect(rulesBroken([put('1', [0, 1], 2), read(null, [2, 3], 1)], applied('1'))).toEqual(['realTimeOrder']);
  });

  it('two reads that go back in time', () => {
    const operations = [putWithoutAnswer('1'), read('1', [0, 1], 2), read(null, [2, 3], 1)];
    expect(rulesBroken(operations, applied('1'))).toEqual(['realTimeOrder']);
  });

  it('a read from the future: of a write that began after the read had ended', () => {
    expect(rulesBroken([read('1', [0, 1], 2), put('1', [2, 3], 2)], applied('1'))).toEqual(['realTimeOrder']);
  });

  it('a read of a value that its revision does not have', () => {
    const operations = [put('1', [0, 1], 2), put('2', [2, 3], 3), read('1', [4, 5], 3)];
    expect(rulesBroken(operations, applied('1', '2'))).toEqual(['readOfWrongValue']);
  });

  it('a read of a value that nobody wrote', () => {
    expect(rulesBroken([read('x', [0, 1], 1)], [])).toEqual(['readOfWrongValue']);
  });

  it('a store whose revisions do not grow', () => {
    const operations = [put('1', [0, 9], 2), put('2', [0, 9], 2)];
    const writes = [
      { revision: 2, key: 'k', value: '1' },
      { revision: 2, key: 'k', value: '2' },
    ];
    expect(rulesBroken(operations, writes)).toEqual(['appliedOrder']);
  });
});
