import type { Latchkey } from '@latchkey/sdk';
import { summarize, type Summary } from './statistics.js';

const VALUE = new Uint8Array(256).fill(0x61);
const KEY_COUNT = 10_000;
const keyAt = (position: number) => `bench/${position % KEY_COUNT}`;

export type Throughput = { readonly perSecond: number; readonly latencyMs: Summary };

/** Repeats `operation` for `durationMs` with so many in flight at every moment. */
export async function loop(
  options: { readonly inFlight: number; readonly durationMs: number },
  operation: (position: number) => Promise<unknown>,
): Promise<Throughput> {
  const latencies: number[] = [];
  const startMs = performance.now();
  const endMs = startMs + options.durationMs;
  let position = 0;
  const worker = async () => {
    while (performance.now() < endMs) {
      const sentMs = performance.now();
      await operation(position++);
      latencies.push(performance.now() - sentMs);
    }
  };
  await Promise.all(Array.from({ length: options.inFlight }, worker));
  const elapsedSeconds = (performance.now() - startMs) / 1000;
  return { perSecond: latencies.length / elapsedSeconds, latencyMs: summarize(latencies) };
}

export const put = (client: Latchkey) => (position: number) => client.kv.put(keyAt(position), VALUE);

export const linearizableGet = (client: Latchkey) => (position: number) => client.kv.get(keyAt(position));

/** Uncontended: every pair has a lock name of its own among the keys. */
export const lockPair = (client: Latchkey) => async (position: number) => {
  const lock = await client.lock(`bench/${position % KEY_COUNT}`).acquire();
  await lock.release();
};
