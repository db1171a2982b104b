import { checkByRevision, checkRegistersBySearch, type AppliedWrite, type Operation } from '@latchkey/linearizability';
import { connect, LatchkeyError, OutcomeUnknownError, type Latchkey } from '@latchkey/sdk';
import { pause, waitFor } from './wait-for.js';

const CLIENTS = 3;
/** Each after its last operation: a light load, about 200 operations a second in all. */
const PAUSE_MS = 10;
/** Longer than any fault here lasts, so that a client sees the end of it. */
const REQUEST_TIMEOUT_MS = 30_000;
const PREFIX = 'recorded/';
/** A client goes through this many keys, then through others: the search over one key is short. */
const KEYS_AT_A_TIME = 3;
const OPERATIONS_PER_KEYS = 300;
/** Generous: for a busy machine. */
const PATIENCE_MS = 60_000;

/** Clients that write unique values and read, one operation at a time each, and remember what they were told. */
export class RecordedLoad {
  private readonly operations: Operation[] = [];
  private readonly acknowledgedAtMs: number[] = [];
  private isRunning = true;
  private ended: Promise<unknown> = Promise.resolve();

  private constructor(private readonly endpoints: readonly string[]) {}

  static async start(endpoints: readonly string[]): Promise<RecordedLoad> {
    const load = new RecordedLoad(endpoints);
    const clients = await Promise.all(
      Array.from({ length: CLIENTS }, (_, position) => {
        const rotated = [...endpoints.slice(position), ...endpoints.slice(0, position)];
        return connect({ endpoints: rotated, requestTimeoutMs: REQUEST_TIMEOUT_MS });
      }),
    );
    load.ended = Promise.all(clients.map((client, position) => load.work(client, `client ${position}`)));
    return load;
  }

  /** Writes that were acknowledged so far. */
  get acknowledged(): number {
    return this.acknowledgedAtMs.length;
  }

  /** Resolves when `count` more writes are acknowledged. */
  async more(count: number): Promise<void> {
    const wanted = this.acknowledged + count;
    await waitFor(`${count} more writes`, () => (this.acknowledged >= wanted ? true : null), PATIENCE_MS);
  }

  /** The longest time without an acknowledged write that lies, at least in part, after `sinceMs`. */
  longestGapMs(sinceMs: number): number {
    const first = this.acknowledgedAtMs.findIndex((atMs) => atMs > sinceMs);
    if (first < 0) return Infinity;
    const times = this.acknowledgedAtMs.slice(Math.max(0, first - 1));
    return Math.max(0, ...times.slice(1).map((atMs, position) => atMs - (times[position] ?? atMs)));
  }

  /** Ends the clients. */
  async stop(): Promise<void> {
    this.isRunning = false;
    await this.ended;
  }

  /** Everything that contradicts what the clients were told, by the store's own history and by what they saw alone. */
  async violations(): Promise<readonly string[]> {
    const applied = await this.history();
    const byRevision = checkByRevision({ operations: this.operations, applied });
    const bySearch = checkRegistersBySearch(this.operations).findings;
    return [...byRevision, ...bySearch].map(({ message }) => message);
  }

  private async work(client: Latchkey, name: string): Promise<void> {
    try {
      for (let count = 0; this.isRunning; count += 1) {
        const key = `${PREFIX}${Math.floor(count / OPERATIONS_PER_KEYS)}/${count % KEYS_AT_A_TIME}`;
        if (count % 4 === 3) await this.read(client, { name, key });
        else await this.write(client, { name, key, value: `${name} #${count}` });
        await pause(PAUSE_MS);
      }
    } finally {
      await client.close();
    }
  }

  private async write(client: Latchkey, what: { name: string; key: string; value: string }): Promise<void> {
    const invokedAtMs = performance.now();
    const { name, key, value } = what;
    const record = (ending: Extract<Operation, { type: 'write' }>['ending']) =>
      this.operations.push({ type: 'write', client: name, key, value, invokedAtMs, ending });
    try {
      const { revision } = await client.kv.put(key, value);
      const returnedAtMs = performance.now();
      this.acknowledgedAtMs.push(returnedAtMs);
      record({ type: 'ok', returnedAtMs, result: { revision } });
    } catch (error) {
      // "Safe to retry" is a promise too: that nothing was done.
      if (error instanceof OutcomeUnknownError) record({ type: 'unknown' });
      else if (isRefusal(error)) record({ type: 'failed', returnedAtMs: performance.now() });
      else throw error;
    }
  }

  /** A get does not say at which revision it was answered; a range does. */
  private async read(client: Latchkey, { name, key }: { name: string; key: string }): Promise<void> {
    const invokedAtMs = performance.now();
    try {
      const { revision, entries } = await client.kv.range({ key });
      const result = { revision, value: entries[0]?.text() ?? null };
      const ending = { type: 'ok', returnedAtMs: performance.now(), result } as const;
      this.operations.push({ type: 'read', client: name, key, invokedAtMs, ending });
    } catch (error) {
      if (!isRefusal(error)) throw error;
    }
  }

  private async history(): Promise<readonly AppliedWrite[]> {
    const client = await connect({ endpoints: this.endpoints, requestTimeoutMs: REQUEST_TIMEOUT_MS });
    try {
      const { revision: lastRevision } = await client.kv.put('recorded-end', 'reached');
      const applied: AppliedWrite[] = [];
      const events = client.kv.watch({ prefix: '' }, { fromRevision: 1 });
      void (async () => {
        for await (const { revision, key, entry } of events) {
          applied.push({ revision, key, value: entry?.text() ?? null });
        }
      })();
      const isWhole = () => ((applied.at(-1)?.revision ?? 0) >= lastRevision ? true : null);
      await waitFor('the whole history', isWhole, PATIENCE_MS);
      await events.return();
      return applied.filter(({ key }) => key.startsWith(PREFIX));
    } finally {
      await client.close();
    }
  }
}

const isRefusal = (error: unknown): boolean => error instanceof LatchkeyError && error.retry === 'safe';
