import { reportOf } from '../report.js';
import { simulate, type SimulationResult } from '../simulation.js';
import type { SimulateArguments } from './arguments.js';
import { shrink } from './shrink.js';

/** What one seed came to. Travels between processes. */
export type SeedOutcome = {
  readonly seed: number;
  readonly isBroken: boolean;
  readonly virtualMs: number;
  readonly cpuMs: number;
  /** What is printed of it; may be empty. */
  readonly text: string;
};

export async function runSeed(wanted: SimulateArguments, seed: number): Promise<SeedOutcome> {
  const startedAt = process.cpuUsage();
  const options = { ...wanted.plan, seed };
  const printTrace = (line: unknown): void => void process.stdout.write(`${JSON.stringify(line)}\n`);
  const result = await simulate(options, wanted.printsTrace ? printTrace : null);
  const isBroken = result.violation !== null;
  const lines: string[] = [];
  if (wanted.printsJson) lines.push(JSON.stringify(summaryOf(result)));
  else if (isBroken) lines.push(reportOf(result));
  if (wanted.shrinks && isBroken) lines.push(await shrink(options));
  const { user, system } = process.cpuUsage(startedAt);
  return { seed, isBroken, virtualMs: result.virtualMs, cpuMs: (user + system) / 1_000, text: lines.join('\n') };
}

function summaryOf(result: SimulationResult): unknown {
  const { plan, lastLines: _, ...rest } = result;
  return { seed: plan.seed, ...rest };
}
