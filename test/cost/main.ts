import { parseArgs } from 'node:util';
import { median } from './estimate.js';
import { inWords } from './judgement.js';
import { measure } from './measurement.js';
import { PATH_NAMES } from './paths.js';
import { readStoredCosts, storeCosts } from './stored-costs.js';

const USAGE = `node tools/costs.mjs [--write] [--times N]
  What the paths of test/cost cost, in runs of its reference loop, and what is stored of them.
  --write    stores the median of what was measured (5 times without --times)
  --times N  measures N times`;

const TIMES_TO_WRITE = 5;

/** The command line for people. `--sample` is how it starts its own processes. */
export async function main(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      sample: { type: 'string' },
      write: { type: 'boolean', default: false },
      times: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.sample !== undefined) return (await import('./sampling-process.js')).serveSamples(values.sample);
  const times = Number(values.times ?? (values.write ? TIMES_TO_WRITE : 1));
  if (values.help || !Number.isSafeInteger(times) || times < 1) {
    console.log(USAGE);
    return;
  }
  const costs = await measureTimes(times);
  if (values.write) storeCosts(costs);
  else tell(costs);
}

/** The median of each path. */
async function measureTimes(times: number): Promise<ReadonlyMap<string, number>> {
  const measured = new Map<string, number[]>(PATH_NAMES.map((path) => [path, []]));
  for (let time = 1; time <= times; time += 1) {
    for (const { path, cost } of await measure(PATH_NAMES.map((path) => ({ path, runs: 1 }))))
      measured.get(path)?.push(cost);
    console.log(
      `${time} of ${times}:`,
      [...measured].map(([path, costs]) => `${path} ${shown(costs.at(-1))}`).join(', '),
    );
  }
  return new Map([...measured].map(([path, costs]) => [path, median(costs)]));
}

function tell(costs: ReadonlyMap<string, number>): void {
  const { measuredWith, costs: storedCosts } = readStoredCosts();
  console.log(`stored were costs of ${measuredWith}`);
  for (const [path, measured] of costs) {
    const stored = storedCosts[path];
    console.log(
      stored === undefined ? `${path}: ${shown(measured)}, nothing stored` : inWords(path, { stored, measured }),
    );
  }
}

const shown = (cost: number | undefined): string => cost?.toFixed(2) ?? '?';
