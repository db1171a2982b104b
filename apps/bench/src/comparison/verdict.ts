import { SYSTEM_NAMES, type SystemName } from '../peers/system.js';
import type { ResultRow } from './comparison-results.js';
import { QUANTITIES, formatValue } from './quantity.js';
import { overlaps } from './spread.js';

export const OURS: SystemName = 'latchkey';

/** Closer than this, no one is called the loser. */
const TIE = 1.03;

/**
 * How much better Latchkey is than `system` by the medians, whichever way is better: 2 = twice as good, 0.5 = half as good. null when
 * one of them was not measured, or when there is nothing to divide by.
 */
export function advantageOver(system: SystemName, row: ResultRow): number | null {
  const ours = row.bySystem.get(OURS)?.median;
  const theirs = row.bySystem.get(system)?.median;
  if (ours === undefined || theirs === undefined) return null;
  const [better, worse] = QUANTITIES[row.quantity].better === 'higher' ? [ours, theirs] : [theirs, ours];
  if (better === worse) return 1;
  return worse > 0 ? better / worse : null;
}

export type Loss = {
  readonly system: SystemName;
  readonly row: ResultRow;
  /** How much better the other is, above 1. */
  readonly factor: number;
  /** The runs of the two overlap: noise may have decided. */
  readonly withinNoise: boolean;
};

/** Where another system is ahead of Latchkey, the worst first. */
export function lossesIn(rows: readonly ResultRow[]): readonly Loss[] {
  const losses = rows.flatMap((row) => SYSTEM_NAMES.flatMap((system) => lossTo(system, row)));
  return losses.toSorted((one, other) => other.factor - one.factor);
}

function lossTo(system: SystemName, row: ResultRow): readonly Loss[] {
  const advantage = advantageOver(system, row);
  const ours = row.bySystem.get(OURS);
  const theirs = row.bySystem.get(system);
  if (system === OURS || ours === undefined || theirs === undefined) return [];
  // No quotient: ours is above a zero of theirs, or the other way round.
  const factor = advantage === null ? (isWorse(row, ours.median, theirs.median) ? Infinity : 0) : 1 / advantage;
  return factor > TIE ? [{ system, row, factor, withinNoise: overlaps(ours, theirs) }] : [];
}

function isWorse({ quantity }: ResultRow, ours: number, theirs: number): boolean {
  return QUANTITIES[quantity].better === 'higher' ? ours < theirs : ours > theirs;
}

/** One line per measurement, the worst first: `put, 1 in flight, p50: 3.10 ms; nats 1.80 (1.72 times better), zookeeper 2.90 (1.07 times better)` */
export function describeLosses(losses: readonly Loss[]): readonly string[] {
  const byRow = new Map<ResultRow, Loss[]>();
  for (const loss of losses) byRow.set(loss.row, [...(byRow.get(loss.row) ?? []), loss]);
  return [...byRow].map(([row, all]) => {
    const { label, unit } = QUANTITIES[row.quantity];
    const ours = `${valueIn(row, OURS)} ${unit}`.trim();
    return `${row.workload}, ${label}: ${ours}; ${all.map(describeWinner).join(', ')}`;
  });
}

function describeWinner({ system, row, factor, withinNoise }: Loss): string {
  const times = Number.isFinite(factor) ? `${factor.toFixed(factor < 2 ? 2 : 1)} times better` : 'better';
  return `${system} ${valueIn(row, system)} (${times}${withinNoise ? ', but the runs overlap' : ''})`;
}

function valueIn({ quantity, bySystem }: ResultRow, system: SystemName): string {
  const median = bySystem.get(system)?.median;
  return median === undefined ? '?' : formatValue(quantity, median);
}
