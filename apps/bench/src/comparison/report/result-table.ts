import type { SystemName } from '../../peers/system.js';
import type { ResultRow } from '../comparison-results.js';
import { QUANTITIES, formatValue } from '../quantity.js';
import { OURS, advantageOver } from '../verdict.js';

const NOT_MEASURED = '–';
const COLUMN_GAP = '  ';

/**
 * One block per workload, one line per quantity; medians, and for every other system how much better Latchkey is (×2 = twice as good,
 * ×0.5 = half as good). With several runs, a second line with the least and the most.
 */
export function resultTable(rows: readonly ResultRow[], systems: readonly SystemName[]): string {
  const header = ['', '', ...systems];
  const body = rows.flatMap((row, position) => {
    const isFirst = rows[position - 1]?.workload !== row.workload;
    const lines = [valueLine(row, systems), ...rangeLine(row, systems)];
    return isFirst ? [[row.workload], ...lines] : lines;
  });
  return alignColumns([header, ...body]);
}

function valueLine(row: ResultRow, systems: readonly SystemName[]): readonly string[] {
  const { label, unit } = QUANTITIES[row.quantity];
  return ['', unit === '' ? label : `${label}, ${unit}`, ...systems.map((system) => valueCell(row, system))];
}

function valueCell(row: ResultRow, system: SystemName): string {
  const spread = row.bySystem.get(system);
  if (spread === undefined) return NOT_MEASURED;
  const value = formatValue(row.quantity, spread.median);
  if (system === OURS) return value;
  const advantage = advantageOver(system, row);
  return advantage === null ? value : `${value} ${formatAdvantage(advantage)}`;
}

/** `×12`, `×2.4`, `×0.53`, `×0.004` */
export function formatAdvantage(advantage: number): string {
  if (advantage >= 9.95) return `×${advantage.toFixed(0)}`;
  if (advantage >= 0.995) return `×${advantage.toFixed(1)}`;
  return advantage >= 0.01 || advantage === 0 ? `×${advantage.toFixed(2)}` : `×${advantage.toPrecision(1)}`;
}

function rangeLine(row: ResultRow, systems: readonly SystemName[]): readonly (readonly string[])[] {
  const ranges = systems.map((system) => {
    const spread = row.bySystem.get(system);
    if (spread === undefined || spread.values.length < 2) return '';
    return `${formatValue(row.quantity, spread.min)}–${formatValue(row.quantity, spread.max)}`;
  });
  return ranges.every((range) => range === '') ? [] : [['', '', ...ranges]];
}

/** A line of one cell is a heading and takes no part in the widths. */
function alignColumns(lines: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const line of lines) {
    if (line.length === 1) continue;
    for (const [column, cell] of line.entries()) widths[column] = Math.max(widths[column] ?? 0, cell.length);
  }
  const padded = (cell: string, column: number) =>
    column < 2 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0);
  return lines.map((line) => (line.length === 1 ? line[0] : line.map(padded).join(COLUMN_GAP).trimEnd())).join('\n');
}
