import { describe, expect, it } from 'vitest';
import { ResultSheet } from './result-sheet.js';
import { judgeMinutes, type Minute } from './sustained-goals.js';

function goalsMet(...minutes: readonly (readonly [perSecond: number, databaseMebibytes: number])[]) {
  const sheet = new ResultSheet(() => undefined);
  judgeMinutes(
    minutes.map(([perSecond, databaseMebibytes]): Minute => ({ perSecond, databaseMebibytes })),
    sheet,
  );
  return sheet.goals.map(({ isMet }) => isMet);
}

describe('goals of sustained writes', () => {
  it('hold the last minute against the second, not against the first or the best', () => {
    expect(goalsMet([20_000, 80], [10_000, 80], [15_000, 80], [9_000, 80])).toEqual([true, true]);
    expect(goalsMet([5_000, 80], [10_000, 80], [15_000, 80], [8_900, 80])).toEqual([false, true]);
  });

  it('see a database that grows all the time', () => {
    expect(goalsMet([9, 100], [9, 200], [9, 300], [9, 400])).toEqual([true, false]);
  });

  it('allow one that grows until compaction holds it', () => {
    expect(goalsMet([9, 100], [9, 300], [9, 310], [9, 290])).toEqual([true, true]);
  });
});
