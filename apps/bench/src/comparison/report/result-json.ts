import type { Failure } from '../run-comparison.js';
import type { ResultRow } from '../comparison-results.js';
import type { ComparisonSettings } from '../comparison-settings.js';
import type { Machine } from '../machine.js';
import { QUANTITIES } from '../quantity.js';

export type ComparisonReport = {
  /** ISO 8601, UTC. */
  readonly startedAt: string;
  readonly mode: 'full' | 'quick';
  readonly runs: number;
  readonly settings: ComparisonSettings;
  readonly machine: Machine;
  readonly systems: readonly { readonly name: string; readonly title: string; readonly version: string }[];
  /** Wanted, but not installed. */
  readonly skipped: readonly { readonly name: string; readonly missing: string }[];
  readonly failures: readonly Failure[];
  readonly rows: readonly ResultRow[];
};

/** For programs: every single value, with its unit. */
export function resultJson({ rows, ...report }: ComparisonReport): string {
  const results = rows.map(({ workload, quantity, bySystem }) => {
    const { unit, better } = QUANTITIES[quantity];
    return { workload, quantity, unit, better, systems: Object.fromEntries(bySystem) };
  });
  return `${JSON.stringify({ ...report, results }, null, 2)}\n`;
}
