import { describe, expect, it } from 'vitest';
import type { Operation } from './history.js';
import { HistoryInvariantViolation } from './invariant.js';
import { checkRegistersBySearch } from './register-model.js';
import { badHistories } from './test-support/bad-histories.js';
import { goodHistories } from './test-support/good-histories.js';
import { put, read, remove, unanswered } from './test-support/history-builders.js';

/** Values written again and again by overlapping clients: the case in which a search has most to try. */
const CLIENTS = 6;
const ROUNDS = 8;
/** Few enough that the search above cannot end. */
const STEPS_FEW = 50;
/** Pending for ever; without symmetry and memory they alone would make 2^40 subsets. */
const UNANSWERED_DELETES = 40;

describe('check by search: histories that are linearizable', () => {
  it.each(goodHistories)('accepts $title', ({ operations }) => {
    expect(checkRegistersBySearch(operations)).toMatchObject({ verdict: 'linearizable', findings: [] });
  });

  it('accepts values that are not unique', () => {
    const operations = [put('1', [0, 1], 2), put('2', [2, 9], 3), put('1', [3, 8], 4), read('1', [10, 11], 4)];
    expect(checkRegistersBySearch(operations).verdict).toBe('linearizable');
  });

  it('lets an unanswered write of a value that someone else wrote too never take effect', () => {
    const operations = [
      put('1', [0, 1], 2),
      read('1', [2, 10], 2),
      put('2', [3, 4], 3),
      unanswered(put('1', [5, 6], 4, { client: 'c' })),
      read('2', [11, 12], 3),
    ];
    expect(checkRegistersBySearch(operations).verdict).toBe('linearizable');
  });

  it('finds the late effects of some of many unanswered deletes', () => {
    const deletes = Array.from({ length: UNANSWERED_DELETES }, (_, count) => unanswered(remove([count, count], 0)));
    const operations = Array.from({ length: UNANSWERED_DELETES }, (_, count) => {
      const startMs = 100 + 10 * count;
      return [put(`${count}`, [startMs, startMs + 1], 2), read(null, [startMs + 2, startMs + 3], 2)];
    }).flat();
    expect(checkRegistersBySearch([...deletes, ...operations]).verdict).toBe('linearizable');
    expect(checkRegistersBySearch([...deletes.slice(1), ...operations]).verdict).toBe('violation');
  });
});

describe('check by search: bad histories, each rejected without a look at revisions', () => {
  it.each(badHistories)('$title ($rules)', ({ operations, unplaced }) => {
    const report = checkRegistersBySearch(operations);
    expect(report.verdict).toBe('violation');
    const found = report.findings.map(({ partition, explanation }) => [partition, explanation?.unplaced[0]]);
    expect(Object.fromEntries(found)).toEqual(unplaced);
  });
});

describe('check by search: what it tells', () => {
  it('tells the longest order, the state after it, and what could not come next', () => {
    const operations = [
      put('1', [0, 1], 2),
      unanswered(put('2', [2, 3], 3)),
      read('2', [4, 5], 3),
      read('1', [6, 9], 2),
    ];
    const [finding] = checkRegistersBySearch(operations).findings;
    expect(finding?.message).toBe(
      [
        'k: no order of the operations explains what clients saw; the longest order found has 3 of 4 operations:',
        '  a: put "1" (0 to 1 ms)',
        '  a: put "2" (from 2 ms, no answer, its effect seen by 5 ms)',
        '  b: read "2" (4 to 5 ms)',
        'then the value is "2", and none of these can come next:',
        '  b: read "1" (6 to 9 ms)',
      ].join('\n'),
    );
  });

  it('tells only the end of a long order', () => {
    const writes = Array.from({ length: 30 }, (_, count) => put(`${count}`, [2 * count, 2 * count + 1], count + 2));
    const [finding] = checkRegistersBySearch([...writes, read('0', [90, 91], 2)]).findings;
    expect(finding?.message).toContain('has 30 of 31 operations:\n  … 10 before\n  a: put "10"');
  });
});

describe('check by search: its limit', () => {
  it('says that it does not know when the steps run out, and for which key', () => {
    const report = checkRegistersBySearch(crowded(), { stepsMax: STEPS_FEW });
    expect(report.verdict).toBe('unknown');
    expect(report.findings).toMatchObject([{ verdict: 'unknown', partition: 'k', explanation: null }]);
    expect(checkRegistersBySearch(crowded()).verdict).toBe('linearizable');
  });

  it('reports a violation of one key although the search of another gave up', () => {
    const stale = [put('1', [0, 1], 2, { key: 'l' }), read(null, [2, 3], 2, { key: 'l' })];
    const report = checkRegistersBySearch([...crowded(), ...stale], { stepsMax: STEPS_FEW });
    expect(report.verdict).toBe('violation');
    expect(report.findings.map(({ partition, verdict }) => [partition, verdict])).toEqual([
      ['k', 'unknown'],
      ['l', 'violation'],
    ]);
  });

  it('refuses an operation that ends before it begins', () => {
    expect(() => checkRegistersBySearch([put('1', [5, 4], 2)])).toThrow(HistoryInvariantViolation);
  });
});

/** In each round all clients write at once, and a read after it sees the first one's value: the last to be tried. */
function crowded(): Operation[] {
  return Array.from({ length: ROUNDS }, (_, round) => {
    const startMs = 10 * round;
    const writes = Array.from({ length: CLIENTS }, (_, client) =>
      put(`${round}/${client}`, [startMs + client / CLIENTS, startMs + 5], 0, { client: `${client}` }),
    );
    return [...writes, read(`${round}/0`, [startMs + 6, startMs + 7], 0)];
  }).flat();
}
