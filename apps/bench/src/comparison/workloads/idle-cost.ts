import { CpuMeter, readClusterMemoryMiB } from '../cpu-meter.js';
import { WORKLOAD_NAMES } from '../workload-names.js';
import type { Workload } from '../workload.js';

/** What all servers cost while nobody asks anything. They have just started, and are given time to come to rest. */
export const idleCost: Workload = {
  name: 'idle',
  stage: 'work',
  needs: [],
  quick: false,
  run: async ({ cluster, settings }) => {
    await pause(settings.idleSettleMs);
    const meter = await CpuMeter.start(cluster);
    await pause(settings.idleMs);
    const { serverSeconds } = await meter.stop();
    return [
      {
        workload: WORKLOAD_NAMES.idle,
        quantity: 'cpuPercent',
        value: (serverSeconds / (settings.idleMs / 1000)) * 100,
      },
      { workload: WORKLOAD_NAMES.idle, quantity: 'memoryMiB', value: await readClusterMemoryMiB(cluster) },
    ];
  },
};

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));
