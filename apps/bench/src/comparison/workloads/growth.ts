import { pollFor, within } from '../../peers/poll.js';
import type { Cluster } from '../../peers/system.js';
import { KeySpace } from '../bench-data.js';
import { readClusterMemoryMiB } from '../cpu-meter.js';
import type { Sample } from '../quantity.js';
import { WORKLOAD_NAMES, type LoadOperation } from '../workload-names.js';
import type { Workload } from '../workload.js';
import { fill, measureLoad } from './load-workloads.js';

const IN_FLIGHT = 64;
/** With so many keys the restart is measured. */
const RESTART_KEYS = 100_000;
const RESTART_LIMIT_MS = 300_000;
const FIRST_READ_LIMIT_MS = 2_000;

/** More and more keys in one cluster: speed and memory at each size, and how long a restart takes. */
export const growth: Workload = {
  name: 'growth',
  stage: 'growth',
  needs: ['kv'],
  quick: false,
  run: async (context) => {
    const { cluster, settings } = context;
    const samples: Sample[] = [];
    for (const count of settings.growthKeys) {
      // Each size is a key space of its own, so that the total is a little more: 1 % at the next size.
      const keys = new KeySpace(`growth-${count}`, count);
      const client = await cluster.connect('load');
      try {
        await fill({ client, keys });
        for (const operation of ['put', 'get'] satisfies LoadOperation[]) {
          const name = WORKLOAD_NAMES.growth(operation, count);
          samples.push(...(await measureLoad({ ...context, client, keys }, { operation, inFlight: IN_FLIGHT, name })));
        }
      } finally {
        await client.close();
      }
      const memoryMiB = await readClusterMemoryMiB(cluster);
      samples.push({ workload: WORKLOAD_NAMES.size(count), quantity: 'memoryMiB', value: memoryMiB });
      if (count === RESTART_KEYS) samples.push(await measureRestart(cluster, keys));
    }
    return samples;
  },
};

/** All members are stopped in order, and started at once: the time until a client reads a value. */
async function measureRestart(cluster: Cluster, keys: KeySpace): Promise<Sample> {
  await cluster.halt();
  const startMs = performance.now();
  await cluster.revive();
  await pollFor({
    what: 'the first read after the restart',
    timeoutMs: RESTART_LIMIT_MS,
    read: () => readOnce(cluster, keys),
  });
  const restartMs = performance.now() - startMs;
  await cluster.settledLeader();
  return { workload: WORKLOAD_NAMES.restart, quantity: 'restartMs', value: restartMs };
}

async function readOnce(cluster: Cluster, keys: KeySpace): Promise<true> {
  const client = await cluster.connect('failover');
  try {
    const position = keys.count - 1;
    keys.check(position, await within('a read', FIRST_READ_LIMIT_MS, client.get(keys.keyAt(position))));
    return true;
  } finally {
    void client.close().catch(() => undefined);
  }
}
