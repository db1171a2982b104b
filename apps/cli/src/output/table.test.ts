import { describe, expect, it } from 'vitest';
import { formatTable, type Column } from './table.js';

type Row = { readonly name: string; readonly count: number };
const columns: readonly Column<Row>[] = [
  { heading: 'NAME', cell: (row) => row.name },
  { heading: 'COUNT', cell: (row) => String(row.count), align: 'right' },
];

describe('tables', () => {
  it('aligns text on the left and numbers on the right, as wide as the longest cell', () => {
    const rows = [
      { name: 'a', count: 5 },
      { name: 'orders/42', count: 123_456 },
    ];
    expect(formatTable(columns, rows)).toBe(['NAME        COUNT', 'a               5', 'orders/42  123456'].join('\n'));
  });

  it('shows only the headings when there is no row', () => {
    expect(formatTable(columns, [])).toBe('NAME  COUNT');
  });

  it('cuts a cell that would break the table', () => {
    const text = formatTable(columns, [{ name: 'x'.repeat(500), count: 1 }]);
    expect(text).toContain('xx…');
    expect(text.split('\n')[1]?.length).toBeLessThan(120);
  });

  it('does not let a stored value send control sequences to the terminal', () => {
    expect(formatTable(columns, [{ name: '\u001b[2Jgone\n', count: 1 }])).toContain('\\x1b[2Jgone\\x0a');
  });
});
