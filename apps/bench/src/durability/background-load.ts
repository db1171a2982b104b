import type { Latchkey } from '@latchkey/sdk';
import type { FilledKeys } from './filled-keys.js';

/** Puts that go on until they are stopped. */
export class BackgroundLoad implements AsyncDisposable {
  private isRunning = true;
  private position = 0;
  private acknowledged = 0;
  private longestMs = 0;
  private failure: unknown = null;
  private readonly startMs = performance.now();
  private readonly workers: Promise<unknown>;

  constructor(
    private readonly client: Latchkey,
    private readonly keys: FilledKeys,
    inFlight: number,
  ) {
    this.workers = Promise.all(Array.from({ length: inFlight }, () => this.work()));
  }

  /** @returns acknowledged puts per second, and how long the slowest took @throws what a put has failed with */
  async stop(): Promise<{ readonly perSecond: number; readonly longestMs: number }> {
    await this[Symbol.asyncDispose]();
    if (this.failure !== null) throw this.failure;
    return { perSecond: this.acknowledged / ((performance.now() - this.startMs) / 1000), longestMs: this.longestMs };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.isRunning = false;
    await this.workers;
  }

  private async work(): Promise<void> {
    const value = this.keys.valueAt(1);
    try {
      while (this.isRunning) {
        this.position += 1;
        const sentMs = performance.now();
        await this.client.kv.put(this.keys.keyAt(this.position), value);
        this.acknowledged += 1;
        this.longestMs = Math.max(this.longestMs, performance.now() - sentMs);
      }
    } catch (error) {
      // Told by `stop`; the other workers need not go on.
      this.failure ??= error;
      this.isRunning = false;
    }
  }
}
