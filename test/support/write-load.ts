import { connect, type Latchkey } from '@latchkey/sdk';
import { pause } from './wait-for.js';

const REQUEST_TIMEOUT_MS = 20_000;

export type WriteLoadOptions = {
  readonly clientCount?: number;
  /** After each write of a client; 0 = as fast as it goes. */
  readonly pauseMs?: number;
};

/** Clients that write, each one put after the other, each put under a key of its own: `load/<client>/<count>`. */
export class WriteLoad {
  /** Key → the value that was acknowledged. */
  readonly acknowledged = new Map<string, string>();
  readonly failures: unknown[] = [];
  private readonly acknowledgedAtMs: number[] = [];
  private isRunning = true;
  private readonly ended: Promise<unknown>;

  private constructor(
    clients: readonly Latchkey[],
    private readonly pauseMs: number,
  ) {
    this.ended = Promise.all(clients.map((client, position) => this.write(client, `load/${position}/`)));
  }

  static async start(
    endpoints: readonly string[],
    { clientCount = 4, pauseMs = 0 }: WriteLoadOptions = {},
  ): Promise<WriteLoad> {
    const clients = await Promise.all(
      Array.from({ length: clientCount }, () => connect({ endpoints, requestTimeoutMs: REQUEST_TIMEOUT_MS })),
    );
    return new WriteLoad(clients, pauseMs);
  }

  get count(): number {
    return this.acknowledgedAtMs.length;
  }

  /** Between two acknowledged writes, of all clients together. */
  get longestGapMs(): number {
    return Math.max(
      0,
      ...this.acknowledgedAtMs.map((atMs, position) => atMs - (this.acknowledgedAtMs[position - 1] ?? atMs)),
    );
  }

  async stop(): Promise<void> {
    this.isRunning = false;
    await this.ended;
  }

  private async write(client: Latchkey, prefix: string): Promise<void> {
    try {
      for (let count = 0; this.isRunning; count += 1) {
        const key = `${prefix}${count}`;
        try {
          await client.kv.put(key, String(count));
          this.acknowledgedAtMs.push(performance.now());
          this.acknowledged.set(key, String(count));
        } catch (error) {
          this.failures.push(error);
        }
        if (this.pauseMs > 0) await pause(this.pauseMs);
      }
    } finally {
      await client.close();
    }
  }
}
