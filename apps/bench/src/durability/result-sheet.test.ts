import { describe, expect, it } from 'vitest';
import { ResultSheet } from './result-sheet.js';

function sheetOf(...measured: readonly number[]) {
  const lines: string[] = [];
  const sheet = new ResultSheet((line) => lines.push(line));
  for (const seconds of measured) sheet.atMost('restart', { measured: seconds, limit: 15, unit: 's' });
  return { sheet, lines };
}

describe('goals of a measurement', () => {
  it('are met when every figure is within its limit', () => {
    const { sheet, lines } = sheetOf(14.2, 15);
    sheet.atLeast('throughput', { measured: 0.9, limit: 0.9, unit: '' });
    expect(sheet.allMet).toBe(true);
    expect(lines[0]).toBe('goal met     restart: 14.2 s (≤ 15 s)');
  });

  it('are missed by one figure beyond its limit, whatever the others are', () => {
    const { sheet, lines } = sheetOf(14.2, 15.1, 3);
    expect(sheet.allMet).toBe(false);
    expect(lines[1]).toBe('GOAL MISSED  restart: 15.1 s (≤ 15 s)');
  });

  it('are missed by a figure that could not be measured', () => {
    const { sheet } = sheetOf(Number.NaN);
    sheet.atLeast('snapshots', { measured: Number.NaN, limit: 1, unit: '' });
    expect(sheet.goals.map(({ isMet }) => isMet)).toEqual([false, false]);
  });

  it('are not met when none was judged', () => {
    expect(sheetOf().sheet.allMet).toBe(false);
  });
});
