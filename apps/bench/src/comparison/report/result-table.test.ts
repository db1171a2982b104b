import { describe, expect, it } from 'vitest';
import type { ResultRow } from '../comparison-results.js';
import { spreadOf } from '../spread.js';
import { formatAdvantage, resultTable } from './result-table.js';

const ROWS: readonly ResultRow[] = [
  {
    workload: 'put, 64 in flight',
    quantity: 'perSecond',
    bySystem: new Map([
      ['latchkey', spreadOf([17_884])],
      ['etcd', spreadOf([2_205])],
    ]),
  },
  {
    workload: 'put, 64 in flight',
    quantity: 'p50Ms',
    bySystem: new Map([
      ['latchkey', spreadOf([3, 4, 5])],
      ['etcd', spreadOf([29])],
    ]),
  },
  { workload: 'one lock', quantity: 'perSecond', bySystem: new Map([['redlock', spreadOf([613])]]) },
];

describe('table of results', () => {
  it('names each workload once, and every value with how much better Latchkey is', () => {
    expect(resultTable(ROWS, ['latchkey', 'etcd', 'redlock'])).toBe(
      [
        '                   latchkey        etcd  redlock',
        'put, 64 in flight',
        '  per second, /s     17,884  2,205 ×8.1        –',
        '  p50, ms              4.00  29.00 ×7.3        –',
        '                  3.00–5.00',
        'one lock',
        '  per second, /s          –           –      613',
      ].join('\n'),
    );
  });

  it.each([
    [12.34, '×12'],
    [2.44, '×2.4'],
    [1, '×1.0'],
    [0.534, '×0.53'],
    [0.0043, '×0.004'],
  ])('writes an advantage of %d as %s', (advantage, words) => {
    expect(formatAdvantage(advantage)).toBe(words);
  });
});
