import type { SimulationPlan } from './plan.js';
import type { SimulationResult } from './simulation.js';
import type { TraceLine } from './world/trace.js';

/** Lines of the trace in a report. */
const REPORTED_LINES = 120;
const COLUMN_CHARACTERS = 22;

/** A failed run for a person: what broke, how to run it again, and the last events with one column per node. */
export function reportOf(result: SimulationResult): string {
  const { plan, violation } = result;
  const nodes = Array.from({ length: plan.nodeCount + plan.spareCount }, (_, position) => `n${position + 1}`);
  const lines = result.lastLines.slice(-REPORTED_LINES);
  return [
    `seed ${plan.seed}: ${violation === null ? 'every promise was kept' : `${violation.invariant} is broken`}`,
    violation?.message ?? '',
    violation?.stack ?? '',
    `again: ${replayCommand(plan)}`,
    `plan: ${JSON.stringify(plan)}`,
    '',
    `${'virtual ms'.padStart(12)}  ${[...nodes, 'world'].map((name) => name.padEnd(COLUMN_CHARACTERS)).join('')}`,
    ...lines.map((line) => rowOf(line, nodes)),
  ].join('\n');
}

export function replayCommand(plan: SimulationPlan): string {
  const { seed, safetyMs, profile, without, including } = plan;
  const lists = [
    without.length > 0 ? ` --without ${without.join(',')}` : '',
    including.length > 0 ? ` --including ${including.join(',')}` : '',
  ];
  return `npm run simulate -- --seed ${seed} --seconds ${safetyMs / 1_000} --profile ${profile}${lists.join('')}`;
}

function rowOf(line: TraceLine, nodes: readonly string[]): string {
  const column = line.node === null ? nodes.length : nodes.indexOf(line.node);
  const numbers = [line.first, line.second].filter((value) => value !== 0).join('/');
  const text = [line.what, numbers, line.detail].filter((part) => part !== '').join(' ');
  return `${line.atMs.toFixed(3).padStart(12)}  ${' '.repeat(column * COLUMN_CHARACTERS)}${text}`;
}
