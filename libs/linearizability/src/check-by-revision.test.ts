import { describe, expect, it } from 'vitest';
import { checkByRevision } from './check-by-revision.js';
import type { AppliedWrite, Operation } from './history.js';
import { badHistories } from './test-support/bad-histories.js';
import { goodHistories } from './test-support/good-histories.js';
import { applied, put, read, refused, remove, unanswered } from './test-support/history-builders.js';

const rulesBroken = (operations: readonly Operation[], writes: readonly AppliedWrite[]) =>
  checkByRevision({ operations, applied: writes }).map(({ rule }) => rule);

describe('check by revision: histories that are linearizable', () => {
  it.each(goodHistories)('accepts $title', ({ operations, applied }) => {
    expect(checkByRevision({ operations, applied })).toEqual([]);
  });
});

describe('check by revision: bad histories that clients can tell, each rejected', () => {
  it.each(badHistories)('$title', ({ operations, applied, rules }) => {
    expect(rulesBroken(operations, applied)).toEqual(rules);
  });
});

describe('check by revision: bad histories that only revisions and the watch can tell, each rejected', () => {
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
    expect(rulesBroken([unanswered(put('1', [0, 1], 2))], applied('1', '1'))).toEqual(['writeTookEffectTwice']);
  });

  it('a refused write that took effect', () => {
    expect(rulesBroken([refused(put('1', [0, 1], 2))], applied('1'))).toEqual(['failedWriteTookEffect']);
  });

  it('a refused delete that took effect', () => {
    const operations = [put('1', [0, 1], 2), refused(remove([2, 3], 3))];
    expect(rulesBroken(operations, applied('1', null))).toEqual(['failedWriteTookEffect']);
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

  it('a read of another key under a revision from before a write that had ended', () => {
    const operations = [put('1', [0, 1], 2), read(null, [2, 3], 1, { key: 'l' })];
    expect(rulesBroken(operations, applied('1'))).toEqual(['realTimeOrder']);
  });

  it('a delete acknowledged for the revision of one that was read before it began', () => {
    const operations = [put('1', [0, 1], 2), read(null, [2, 3], 3), remove([4, 5], 3)];
    expect(rulesBroken(operations, applied('1', null))).toEqual(['realTimeOrder']);
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
