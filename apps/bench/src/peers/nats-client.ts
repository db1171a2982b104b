import { KvWatchInclude, type KV } from '@nats-io/kv';
import { JetStreamApiError } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import type { Client, HeldLock } from './system.js';

const WRONG_LAST_SEQUENCE = 10_071;
const HELD = new Uint8Array([1]);

/** Counts the deletions of one lock's key as they arrive, and wakes who waits for the next. */
class Deletions {
  count = 0;
  #wake: (() => void)[] = [];

  add(): void {
    this.count += 1;
    for (const wake of this.#wake.splice(0)) wake();
  }

  async moreThan(count: number): Promise<void> {
    if (this.count === count) await new Promise<void>((resolve) => this.#wake.push(resolve));
  }
}

/** @nats-io/kv over one connection. A lock is a key that `create` makes and `delete` removes: NATS has no queue and no session. */
export class NatsClient implements Client {
  readonly #deletions = new Map<string, Promise<Deletions>>();

  constructor(
    private readonly parts: { readonly connection: NatsConnection; readonly bucket: KV; readonly watched: KV },
  ) {}

  put(key: string, value: Uint8Array): Promise<unknown> {
    return this.parts.bucket.put(key, value);
  }

  insert(key: string, value: Uint8Array): Promise<unknown> {
    return this.parts.bucket.put(key, value);
  }

  async get(key: string): Promise<Uint8Array | null> {
    return (await this.parts.bucket.get(key))?.value ?? null;
  }

  prepareLocks(): Promise<void> {
    return Promise.resolve();
  }

  async acquire(name: string): Promise<HeldLock> {
    const held = { release: () => this.parts.bucket.delete(name) };
    if (await this.#tryCreate(name)) return held;
    const deletions = await this.#deletionsOf(name);
    for (;;) {
      const seen = deletions.count;
      if (await this.#tryCreate(name)) return held;
      await deletions.moreThan(seen);
    }
  }

  async watch(key: string, onValue: (value: Uint8Array) => void): Promise<void> {
    const entries = await this.parts.watched.watch({ key, include: KvWatchInclude.UpdatesOnly });
    void (async () => {
      for await (const { value } of entries) onValue(value);
    })().catch(() => undefined);
  }

  announce(key: string, value: Uint8Array): Promise<unknown> {
    return this.parts.watched.put(key, value);
  }

  close(): Promise<void> {
    return this.parts.connection.close();
  }

  async #tryCreate(name: string): Promise<boolean> {
    try {
      await this.parts.bucket.create(name, HELD);
      return true;
    } catch (error) {
      if (error instanceof JetStreamApiError && error.code === WRONG_LAST_SEQUENCE) return false;
      throw error;
    }
  }

  #deletionsOf(name: string): Promise<Deletions> {
    const known = this.#deletions.get(name);
    if (known !== undefined) return known;
    const started = this.#startWatching(name);
    this.#deletions.set(name, started);
    return started;
  }

  async #startWatching(name: string): Promise<Deletions> {
    const deletions = new Deletions();
    const entries = await this.parts.bucket.watch({ key: name, include: KvWatchInclude.UpdatesOnly });
    void (async () => {
      for await (const { operation } of entries) if (operation === 'DEL') deletions.add();
    })().catch(() => undefined);
    return deletions;
  }
}
