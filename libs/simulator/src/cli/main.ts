import { reportOf } from '../report.js';
import { simulate, type SimulationResult } from '../simulation.js';
import { parseArguments, USAGE, type SimulateArguments } from './arguments.js';
import { shrink } from './shrink.js';

const print = (text: string): void => void process.stdout.write(`${text}\n`);

/** `npm run simulate`. Exit code 1 when a promise was broken, 2 when the arguments are wrong. */
export async function main(words: readonly string[]): Promise<number> {
  let parsed: SimulateArguments;
  try {
    parsed = parseArguments(words);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}\n`);
    return 2;
  }
  return run(parsed);
}

async function run(wanted: SimulateArguments): Promise<number> {
  const failedSeeds: number[] = [];
  let virtualMs = 0;
  let runCount = 0;
  const startedAt = process.cpuUsage();
  for (let seed = wanted.firstSeed; seed <= wanted.lastSeed; seed += 1) {
    const options = { ...wanted.plan, seed };
    const result = await simulate(options, wanted.printsTrace ? (line) => print(JSON.stringify(line)) : null);
    virtualMs += result.virtualMs;
    if (result.violation !== null) failedSeeds.push(seed);
    if (wanted.printsJson) print(JSON.stringify(summaryOf(result)));
    else if (result.violation !== null) print(reportOf(result));
    if (wanted.shrinks && result.violation !== null) print(await shrink(options));
    runCount += 1;
    if (wanted.stopsAtFailure && result.violation !== null) break;
  }
  const { user, system } = process.cpuUsage(startedAt);
  const cpuSeconds = (user + system) / 1e6;
  const speed = virtualMs / 1_000 / cpuSeconds;
  print(
    `${runCount} runs, ${(virtualMs / 1_000).toFixed(0)} virtual seconds in ${cpuSeconds.toFixed(1)} CPU seconds ` +
      `(${speed.toFixed(0)} per second); failed: ${failedSeeds.join(', ') || 'none'}`,
  );
  return failedSeeds.length === 0 ? 0 : 1;
}

function summaryOf(result: SimulationResult): unknown {
  const { plan, lastLines: _, ...rest } = result;
  return { seed: plan.seed, ...rest };
}
