import type { Latchkey } from '@latchkey/sdk';
import { CONFIG_KEY, CONFIG_NAMESPACE, DEMO } from './config.js';

export type BatchSize = { readonly value: number; readonly revision: number };

/** The config key `workers/batchSize`, always at its newest known value. */
export class LiveBatchSize {
  #current: BatchSize = { value: DEMO.firstBatchSize, revision: 0 };

  get current(): BatchSize {
    return this.#current;
  }

  /** Reads the key, and follows it until `signal` aborts. */
  async follow(latchkey: Latchkey, signal: AbortSignal, seen: (size: BatchSize) => void): Promise<void> {
    const config = latchkey.config(CONFIG_NAMESPACE);
    const entry = await config.get(CONFIG_KEY);
    if (entry !== null) this.#take(entry.value, entry.revision, seen);
    const changes = config.watch(CONFIG_KEY, { fromRevision: this.#current.revision + 1, signal });
    void this.#read(changes, seen);
  }

  async #read(
    changes: AsyncIterable<{
      readonly type: string;
      readonly key?: string;
      readonly value?: unknown;
      readonly revision: number;
    }>,
    seen: (size: BatchSize) => void,
  ): Promise<void> {
    for await (const change of changes) {
      if (change.type === 'set' && change.key === CONFIG_KEY) this.#take(change.value, change.revision, seen);
    }
  }

  #take(value: unknown, revision: number, seen: (size: BatchSize) => void): void {
    if (typeof value !== 'number' || !Number.isInteger(value) || value < 1) return;
    this.#current = { value, revision };
    seen(this.#current);
  }
}
