import type { ResultRow } from '../comparison-results.js';
import { describeGoal, goalOutcomes } from '../goals.js';
import { OURS, describeLosses, lossesIn } from '../verdict.js';
import type { Failure } from '../run-comparison.js';

/** What the table says, in words: where Latchkey loses, which goals it misses, what could not be measured. */
export function resultSummary(rows: readonly ResultRow[], failures: readonly Failure[]): string {
  const isCompared = rows.some(({ bySystem }) => bySystem.has(OURS) && bySystem.size > 1);
  const losses = describeLosses(lossesIn(rows));
  const verdict = losses.length === 0 ? 'Latchkey is behind nowhere.' : 'Latchkey is behind in:';
  const outcomes = goalOutcomes(rows);
  const missed = outcomes.filter(({ reached }) => !reached).map(describeGoal);
  return [
    ...section(isCompared ? verdict : 'Latchkey was not compared with anything.', losses),
    ...section(
      `Goals reached: ${outcomes.length - missed.length} of ${outcomes.length} measured.`,
      missed,
      outcomes.length > 0,
    ),
    ...section(
      'Not measured:',
      failures.map(({ system, workload, message }) => `${system}, ${workload}: ${message}`),
      failures.length > 0,
    ),
  ].join('\n');
}

function section(title: string, items: readonly string[], isShown = true): readonly string[] {
  return isShown ? ['', title, ...items.map((item) => `  - ${item}`)] : [];
}
