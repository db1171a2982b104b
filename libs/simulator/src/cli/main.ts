import { constants, setPriority } from 'node:os';
import { parseArguments, USAGE, type SimulateArguments } from './arguments.js';
import { runSeed, type SeedOutcome } from './seed-run.js';
import { SeedWorkers, serveSeeds } from './seed-workers.js';

const print = (text: string): void => void process.stdout.write(`${text}\n`);

/** `npm run simulate`. Exit code 1 when a promise was broken, 2 when the arguments are wrong. */
export async function main(words: readonly string[]): Promise<number> {
  let wanted: SimulateArguments;
  try {
    wanted = parseArguments(words);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}\n`);
    return 2;
  }
  if (!wanted.isWorker) return run(wanted, words);
  await serveSeeds(wanted);
  return 0;
}

async function run(wanted: SimulateArguments, words: readonly string[]): Promise<number> {
  const failedSeeds: number[] = [];
  let [virtualMs, cpuMs, runCount] = [0, 0, 0];
  const onOutcome = (outcome: SeedOutcome): boolean => {
    virtualMs += outcome.virtualMs;
    cpuMs += outcome.cpuMs;
    runCount += 1;
    if (outcome.text !== '') print(outcome.text);
    if (outcome.isBroken) failedSeeds.push(outcome.seed);
    return !(outcome.isBroken && wanted.stopsAtFailure);
  };
  // Processes have the priority of who starts them.
  if (wanted.hasLowPriority) setPriority(constants.priority.PRIORITY_LOW);
  const { firstSeed: first, lastSeed: last, jobs } = wanted;
  const [, script = ''] = process.argv;
  // One seed alone is run here: its trace comes as it goes, and its errors have stacks.
  if (first === last) onOutcome(await runSeed(wanted, first));
  else await new SeedWorkers({ first, last }, { script, words, jobs, onOutcome }).run();
  const speed = virtualMs / cpuMs;
  print(
    `${runCount} runs, ${(virtualMs / 1_000).toFixed(0)} virtual seconds in ${(cpuMs / 1_000).toFixed(1)} CPU seconds ` +
      `(${speed.toFixed(0)} per second); failed: ${failedSeeds.join(', ') || 'none'}`,
  );
  return failedSeeds.length === 0 ? 0 : 1;
}
