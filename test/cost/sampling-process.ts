import { hasSettled } from './estimate.js';
import type { MeasuredPath } from './measured-path.js';
import { PATHS } from './paths.js';
import { referenceLoop } from './reference-loop.js';
import { REFERENCE, type SampleAnswer, type SampleRequest } from './sample-messages.js';

const WARM_UP = { least: 40, looked: 12 };
const MAX_WARM_UP_SAMPLES = 72;

const REFERENCE_PATH: MeasuredPath = {
  prepare: async () => undefined,
  run: async () => {
    referenceLoop();
  },
};

/** The life of a process that measures one path, or the reference, whenever its parent asks. */
export async function serveSamples(name: string): Promise<void> {
  const path = name === REFERENCE ? REFERENCE_PATH : await PATHS[name]?.();
  if (path === undefined) throw new Error(`there is no path ${name}`);
  process.on('message', (request: SampleRequest) => void serve(path, request).then(answer));
  answer({ cpuMs: 0 });
}

function answer(sampled: SampleAnswer): void {
  process.send?.(sampled);
}

async function serve(path: MeasuredPath, request: SampleRequest): Promise<SampleAnswer> {
  if (request.type === 'sample') return sample(path, request.runs);
  const samples: number[] = [];
  while (samples.length < MAX_WARM_UP_SAMPLES && !hasSettled(samples, WARM_UP))
    samples.push((await sample(path, 1)).cpuMs);
  return { cpuMs: samples.reduce((sum, cpuMs) => sum + cpuMs, 0) };
}

async function sample({ prepare, run }: MeasuredPath, runs: number): Promise<SampleAnswer> {
  await prepare();
  const before = cpuMs();
  for (let count = 0; count < runs; count += 1) await run();
  return { cpuMs: cpuMs() - before };
}

/** Of all threads of this process, in user and system mode. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}
