import { operation, type Latchkey } from '@latchkey/sdk';
import type { Throughput } from '../workloads.js';
import { loop } from '../workloads.js';

/** Of one transaction, below the limit of 128. */
const PUTS_PER_TRANSACTION = 100;
const TRANSACTIONS_IN_FLIGHT = 16;
const PRIME = 7_368_787;

/** A number of keys, each with a value of its own that no compression makes smaller. */
export class FilledKeys {
  constructor(
    readonly count: number,
    readonly valueBytes: number,
  ) {}

  /** Walks over all keys in an order that no cache likes. */
  keyAt(position: number): string {
    return `bench/${String((position * PRIME) % this.count).padStart(8, '0')}`;
  }

  valueAt(position: number): Uint8Array {
    const words = new Uint32Array(Math.ceil(this.valueBytes / Uint32Array.BYTES_PER_ELEMENT));
    let word = (position + 1) * 0x9e3779b1;
    for (let at = 0; at < words.length; at += 1) {
      word ^= word << 13;
      word ^= word >>> 17;
      word ^= word << 5;
      words[at] = word;
    }
    return new Uint8Array(words.buffer, 0, this.valueBytes);
  }

  /** Writes every key once. @returns how long that took, in seconds */
  async fill(client: Latchkey): Promise<number> {
    const startMs = performance.now();
    let next = 0;
    const worker = async () => {
      while (next < this.count) {
        const [from, to] = [next, Math.min(next + PUTS_PER_TRANSACTION, this.count)];
        next = to;
        const puts = Array.from({ length: to - from }, (_, at) =>
          operation.put(this.keyAt(from + at), this.valueAt(from + at)),
        );
        await client.kv
          .txn()
          .then(...puts)
          .commit();
      }
    };
    await Promise.all(Array.from({ length: TRANSACTIONS_IN_FLIGHT }, worker));
    return (performance.now() - startMs) / 1000;
  }

  puts(client: Latchkey, load: { inFlight: number; durationMs: number }): Promise<Throughput> {
    // One buffer for all: what is measured is the cluster, not the making of values.
    const value = this.valueAt(0);
    return loop(load, (position) => client.kv.put(this.keyAt(position), value));
  }

  linearizableGets(client: Latchkey, load: { inFlight: number; durationMs: number }): Promise<Throughput> {
    return loop(load, async (position) => {
      const key = this.keyAt(position);
      // To find nothing is quicker, and wrong.
      if ((await client.kv.get(key)) === null) throw new Error(`${key} was written and is not there`);
    });
  }
}
