import { readClusterMemoryMiB } from '../cpu-meter.js';
import { WORKLOAD_NAMES } from '../workload-names.js';
import type { Workload } from '../workload.js';
import { contendedLock } from './contended-lock.js';
import { growth } from './growth.js';
import { idleCost } from './idle-cost.js';
import { LEADER_LOSS_WORKLOADS } from './leader-loss.js';
import { LOAD_WORKLOADS } from './load-workloads.js';
import { WATCH_WORKLOADS } from './watch-fan-out.js';

const memoryAfterWork: Workload = {
  name: 'memory',
  stage: 'work',
  needs: [],
  quick: true,
  run: async ({ cluster }) => [
    { workload: WORKLOAD_NAMES.memory, quantity: 'memoryMiB', value: await readClusterMemoryMiB(cluster) },
  ],
};

/** In the order in which they run. */
export const ALL_WORKLOADS: readonly Workload[] = [
  idleCost,
  ...LOAD_WORKLOADS,
  contendedLock,
  ...WATCH_WORKLOADS,
  memoryAfterWork,
  ...LEADER_LOSS_WORKLOADS,
  growth,
];

/** The names that `--only` takes. */
export const WORKLOAD_CHOICES: readonly string[] = [...new Set(ALL_WORKLOADS.map(({ name }) => name))];

/** Those that are named, else all that the mode has. */
export function selectWorkloads(options: {
  readonly only: readonly string[] | null;
  readonly quick: boolean;
}): readonly Workload[] {
  const { only, quick } = options;
  return ALL_WORKLOADS.filter((workload) => only?.includes(workload.name) ?? (!quick || workload.quick));
}
