import { SYSTEM_NAMES, type SystemName } from '../../peers/system.js';
import type { ResultRow } from '../comparison-results.js';
import { QUANTITIES, formatValue } from '../quantity.js';
import { OURS, advantageOver } from '../verdict.js';
import { formatAdvantage } from './result-table.js';
import { element, escapeXml, text } from './svg-element.js';

export const PANEL_WIDTH = 380;
const TITLE_HEIGHT = 46;
const BAR_HEIGHT = 18;
const BAR_STEP = 25;
const BAR_LEFT = 78;
const BAR_SPACE = 185;
const LABEL_GAP = 6;
const LEAST_BAR_WIDTH = 1.5;

const COLOURS = { ours: '#0f766e', theirs: '#94a3b8', whisker: '#334155', strong: '#0f172a', soft: '#64748b' };

/** The height of a panel with a bar for every system of the row. */
export const panelHeight = (row: ResultRow): number => TITLE_HEIGHT + row.bySystem.size * BAR_STEP;

/** One measurement: a bar per system, from zero, with the least and the most as whiskers. */
export function chartPanel(row: ResultRow): string {
  const { label, unit, better } = QUANTITIES[row.quantity];
  const systems = SYSTEM_NAMES.filter((system) => row.bySystem.has(system));
  const longest = Math.max(...[...row.bySystem.values()].map(({ max }) => max));
  const scale = longest > 0 ? BAR_SPACE / longest : 0;
  const note = `${label}${unit === '' || unit === '/s' ? '' : `, ${unit}`} · ${better} is better`;
  return [
    text(row.workload, { x: 0, y: 14, 'font-size': 14, 'font-weight': 600, fill: COLOURS.strong }),
    text(note, { x: 0, y: 31, 'font-size': 11, fill: COLOURS.soft }),
    ...systems.map((system, position) => bar(row, system, { top: TITLE_HEIGHT + position * BAR_STEP, scale })),
  ].join('\n');
}

function bar(row: ResultRow, system: SystemName, place: { readonly top: number; readonly scale: number }): string {
  const spread = row.bySystem.get(system);
  if (spread === undefined) return '';
  const { top, scale } = place;
  const isOurs = system === OURS;
  const middle = top + BAR_HEIGHT / 2;
  const right = BAR_LEFT + Math.max(spread.median, spread.values.length > 1 ? spread.max : 0) * scale;
  const weight = isOurs ? 600 : 400;
  return [
    text(system, {
      x: BAR_LEFT - LABEL_GAP,
      y: middle + 4,
      'font-size': 12,
      'font-weight': weight,
      'text-anchor': 'end',
      fill: isOurs ? COLOURS.ours : COLOURS.strong,
    }),
    element('rect', {
      x: BAR_LEFT,
      y: top,
      width: Math.max(LEAST_BAR_WIDTH, spread.median * scale).toFixed(1),
      height: BAR_HEIGHT,
      rx: 2,
      fill: isOurs ? COLOURS.ours : COLOURS.theirs,
    }),
    spread.values.length > 1 ? whisker(BAR_LEFT + spread.min * scale, BAR_LEFT + spread.max * scale, middle) : '',
    element(
      'text',
      {
        x: (right + LABEL_GAP).toFixed(1),
        y: middle + 4,
        'font-size': 12,
        'font-weight': weight,
        fill: COLOURS.strong,
      },
      escapeXml(formatValue(row.quantity, spread.median)) + advantageNote(row, system),
    ),
  ].join('');
}

function advantageNote(row: ResultRow, system: SystemName): string {
  const advantage = system === OURS ? null : advantageOver(system, row);
  if (advantage === null) return '';
  return element('tspan', { dx: 8, fill: COLOURS.soft }, escapeXml(formatAdvantage(advantage)));
}

function whisker(left: number, right: number, middle: number): string {
  const line = { y1: middle, y2: middle, stroke: COLOURS.whisker, 'stroke-width': 1 };
  const end = (x: number) =>
    element('line', { ...line, x1: x.toFixed(1), x2: x.toFixed(1), y1: middle - 3, y2: middle + 3 });
  return element('line', { ...line, x1: left.toFixed(1), x2: right.toFixed(1) }) + end(left) + end(right);
}
