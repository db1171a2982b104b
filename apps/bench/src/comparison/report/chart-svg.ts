import type { ResultRow } from '../comparison-results.js';
import type { Quantity } from '../quantity.js';
import { WORKLOAD_NAMES as NAMES } from '../workload-names.js';
import { PANEL_WIDTH, chartPanel, panelHeight } from './chart-panel.js';
import { element, text } from './svg-element.js';

const COLUMNS = 3;
const MARGIN = 28;
const COLUMN_GAP = 24;
const ROW_GAP = 26;
const HEADER_HEIGHT = 84;
const FONT = "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif";

/** What the chart shows of all that was measured, in this order. */
const SHOWN: readonly (readonly [string, Quantity])[] = [
  [NAMES.load('put', 1), 'p50Ms'],
  [NAMES.load('put', 64), 'perSecond'],
  [NAMES.load('put', 512), 'perSecond'],
  [NAMES.load('get', 1), 'p50Ms'],
  [NAMES.load('get', 64), 'perSecond'],
  [NAMES.load('get', 512), 'perSecond'],
  [NAMES.load('lock and unlock', 1), 'perSecond'],
  [NAMES.load('lock and unlock', 64), 'perSecond'],
  [NAMES.contended, 'perSecond'],
  [NAMES.contended, 'longestWaitMs'],
  [NAMES.watch(100, 'own'), 'p50Ms'],
  [NAMES.watchCeiling, 'perSecond'],
  [NAMES.leaderKilled, 'gapMs'],
  [NAMES.leaderHung, 'gapMs'],
  [NAMES.load('put', 64), 'serverCpuMicros'],
  [NAMES.restart, 'restartMs'],
  [NAMES.size(100_000), 'memoryMiB'],
  [NAMES.idle, 'cpuPercent'],
];

export type ChartTitle = { readonly title: string; readonly subtitles: readonly string[] };

/** A page of small bar charts, readable on its own: no script, no outside font. */
export function chartSvg(rows: readonly ResultRow[], { title, subtitles }: ChartTitle): string {
  const shown = SHOWN.flatMap(([workload, quantity]) =>
    rows.filter((row) => row.workload === workload && row.quantity === quantity),
  );
  const lines = Array.from({ length: Math.ceil(shown.length / COLUMNS) }, (_, line) =>
    shown.slice(line * COLUMNS, (line + 1) * COLUMNS),
  );
  const width = 2 * MARGIN + COLUMNS * PANEL_WIDTH + (COLUMNS - 1) * COLUMN_GAP;
  let top = HEADER_HEIGHT + MARGIN;
  const panels = lines.flatMap((line) => {
    const placed = line.map((row, column) => {
      const left = MARGIN + column * (PANEL_WIDTH + COLUMN_GAP);
      return element('g', { transform: `translate(${left} ${top})` }, chartPanel(row));
    });
    top += Math.max(...line.map(panelHeight)) + ROW_GAP;
    return placed;
  });
  const size = { width, height: top };
  const content = [
    element('rect', { ...size, fill: '#ffffff' }),
    text(title, { x: MARGIN, y: MARGIN + 20, 'font-size': 22, 'font-weight': 700, fill: '#0f172a' }),
    ...subtitles.map((subtitle, position) =>
      text(subtitle, { x: MARGIN, y: MARGIN + 42 + position * 17, 'font-size': 12, fill: '#64748b' }),
    ),
    ...panels,
  ].join('\n');
  const viewBox = `0 0 ${width} ${top}`;
  return `${element('svg', { xmlns: 'http://www.w3.org/2000/svg', ...size, viewBox, 'font-family': FONT }, content)}\n`;
}
