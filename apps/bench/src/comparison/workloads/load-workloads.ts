import { loop } from '../../workloads.js';
import type { KeySpace } from '../bench-data.js';
import { CpuMeter } from '../cpu-meter.js';
import type { Sample } from '../quantity.js';
import { WORKLOAD_NAMES, type LoadOperation } from '../workload-names.js';
import type { Workload, WorkloadContext } from '../workload.js';

const FILL_IN_FLIGHT = 64;
const CHECKED_KEYS = 200;

type Operation = (position: number) => Promise<unknown>;

const loadWorkload = (operation: LoadOperation, inFlight: number): Workload => ({
  name: operation === 'lock and unlock' ? 'lock' : operation,
  stage: 'work',
  needs: [operation === 'lock and unlock' ? 'lock' : 'kv'],
  quick: true,
  run: (context) => measureLoad(context, { operation, inFlight, name: WORKLOAD_NAMES.load(operation, inFlight) }),
});

/** Little load first: what a heavy one leaves behind (checkpoints, garbage) would be charged to the next. */
export const LOAD_WORKLOADS: readonly Workload[] = [
  ...[1, 64, 512].flatMap((inFlight) => [loadWorkload('put', inFlight), loadWorkload('get', inFlight)]),
  ...[1, 64].map((inFlight) => loadWorkload('lock and unlock', inFlight)),
];

/** Keeps so many operations in flight for the time of the settings, and checks what they did. */
export async function measureLoad(
  context: WorkloadContext,
  load: { readonly operation: LoadOperation; readonly inFlight: number; readonly name: string },
): Promise<readonly Sample[]> {
  const { client, keys, settings } = context;
  const operation = await prepare(context, load.operation);
  const warmUpMs = load.inFlight === 1 ? settings.serialWarmUpMs : settings.warmUpMs;
  await loop({ inFlight: load.inFlight, durationMs: warmUpMs }, operation);
  const meter = await CpuMeter.start(context.cluster);
  const { perSecond, latencyMs } = await loop({ inFlight: load.inFlight, durationMs: settings.loadMs }, operation);
  const { serverSeconds, clientSeconds } = await meter.stop();
  if (load.operation === 'put') await checkSome(keys, (key) => client.get(key));
  const microsPerOperation = (seconds: number) => (seconds * 1e6) / latencyMs.count;
  const sample = (quantity: Sample['quantity'], value: number): Sample => ({ workload: load.name, quantity, value });
  return [
    sample('perSecond', perSecond),
    sample('p50Ms', latencyMs.p50),
    sample('p99Ms', latencyMs.p99),
    sample('serverCpuMicros', microsPerOperation(serverSeconds)),
    sample('clientCpuMicros', microsPerOperation(clientSeconds)),
  ];
}

/** Writes every key of the space that has never been written. */
export async function fill({ client, keys }: Pick<WorkloadContext, 'client' | 'keys'>): Promise<void> {
  const worker = async () => {
    while (keys.filled < keys.count) {
      const { key, value } = keys.next();
      await client.insert(key, value);
    }
  };
  await Promise.all(Array.from({ length: FILL_IN_FLIGHT }, worker));
}

async function prepare({ client, keys }: WorkloadContext, operation: LoadOperation): Promise<Operation> {
  if (operation === 'lock and unlock') {
    // Every pair in flight has a lock of its own.
    const lockAt = (position: number) => `locks-${keys.keyAt(position)}`;
    await client.prepareLocks(Array.from({ length: keys.count }, (_, position) => lockAt(position)));
    return lockPair(client.acquire.bind(client), lockAt);
  }
  await fill({ client, keys });
  if (operation === 'get') {
    return async (position) => keys.check(position, await client.get(keys.keyAt(position)));
  }
  return () => {
    const { key, value } = keys.next();
    return client.put(key, value);
  };
}

function lockPair(acquire: (name: string) => Promise<{ release(): Promise<unknown> }>, lockAt: (p: number) => string) {
  return async (position: number) => {
    const lock = await acquire(lockAt(position));
    await lock.release();
  };
}

/** @throws when a key does not have what was last written to it */
export async function checkSome(keys: KeySpace, get: (key: string) => Promise<Uint8Array | null>): Promise<void> {
  const step = Math.max(1, Math.floor(keys.filled / CHECKED_KEYS));
  for (let position = 0; position < keys.filled; position += step) {
    keys.check(position, await get(keys.keyAt(position)));
  }
}
