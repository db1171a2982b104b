import { typicalCost } from './estimate.js';
import { REFERENCE } from './sample-messages.js';
import { Sampler } from './sampler.js';

const ROUNDS = 40;
const MAX_PASSES = 3;

/** What is measured: a path, so many runs of it at a time. */
export type Load = { readonly path: string; readonly runs: number };

export type Measurement = Load & {
  /** In runs of the reference loop. */
  readonly cost: number;
};

/**
 * Measures all of them and the reference in turns, so that whatever else the machine does meanwhile falls on all alike. CPU
 * time, never time that passes: a process that has to wait costs no more.
 * @param isEnough asked about what came out; when it says no, there are as many measurements once more, and at most twice
 */
export async function measure(
  loads: readonly Load[],
  isEnough: (measurements: readonly Measurement[]) => boolean = () => true,
): Promise<readonly Measurement[]> {
  const names = [...new Set(loads.map(({ path }) => path))];
  const started = await Promise.allSettled([Sampler.startReference(), ...names.map((name) => Sampler.start(name))]);
  const samplers = started.flatMap((start) => (start.status === 'fulfilled' ? [start.value] : []));
  try {
    for (const start of started) if (start.status === 'rejected') throw start.reason;
    await Promise.all(samplers.map((sampler) => sampler.warmUp()));
    const series = [{ path: REFERENCE, runs: 1 }, ...loads].map((load) => seriesOf(load, samplers));
    for (let pass = 1; ; pass += 1) {
      await takeInTurns(series);
      const measurements = measurementsOf(series);
      if (pass === MAX_PASSES || isEnough(measurements)) return measurements;
    }
  } finally {
    await Promise.all(samplers.map((sampler) => sampler.stop()));
  }
}

type Series = { readonly load: Load; readonly sampler: Sampler; readonly samples: number[] };

function seriesOf(load: Load, samplers: readonly Sampler[]): Series {
  const sampler = samplers.find(({ name }) => name === load.path);
  if (sampler === undefined) throw new Error(`nobody measures ${load.path}`);
  return { load, sampler, samples: [] };
}

async function takeInTurns(series: readonly Series[]): Promise<void> {
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const { load, sampler, samples } of series) samples.push(await sampler.sample(load.runs));
  }
}

function measurementsOf([reference, ...series]: readonly Series[]): readonly Measurement[] {
  const unitMs = typicalCost(reference?.samples ?? []);
  return series.map(({ load, samples }) => ({ ...load, cost: typicalCost(samples) / unitMs }));
}
