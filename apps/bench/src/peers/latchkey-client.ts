import type { Latchkey } from '@latchkey/sdk';
import type { Client, HeldLock } from './system.js';

/** The SDK as it is. */
export class LatchkeyClient implements Client {
  constructor(private readonly latchkey: Latchkey) {}

  put(key: string, value: Uint8Array): Promise<unknown> {
    return this.latchkey.kv.put(key, value);
  }

  insert(key: string, value: Uint8Array): Promise<unknown> {
    return this.latchkey.kv.put(key, value);
  }

  async get(key: string): Promise<Uint8Array | null> {
    return (await this.latchkey.kv.get(key))?.value ?? null;
  }

  acquire(name: string): Promise<HeldLock> {
    return this.latchkey.lock(name).acquire();
  }

  prepareLocks(): Promise<void> {
    return Promise.resolve();
  }

  async watch(key: string, onValue: (value: Uint8Array) => void): Promise<void> {
    const stream = this.latchkey.kv.watch(key);
    void (async () => {
      for await (const { entry } of stream) if (entry !== null) onValue(entry.value);
    })().catch(() => undefined);
    await stream.opened;
  }

  announce(key: string, value: Uint8Array): Promise<unknown> {
    return this.latchkey.kv.put(key, value);
  }

  close(): Promise<void> {
    return this.latchkey.close();
  }
}
