import { connect, type Latchkey } from '@latchkey/sdk';
import { pause } from '../cluster/poll.js';
import { Chapter } from './chapter.js';
import { recordedHold, recordedPut, recordedRead, type Caller } from './recorded-calls.js';
import type { SeededRandom } from './seeded-random.js';

const CLIENTS = 4;
/** Longer than any outage of a round: a call ends when the cluster is back, with an answer or as unknown. */
const REQUEST_TIMEOUT_MS = 60_000;
/** After each call of a worker. The checkers, not the nodes, set the limit: see `Chapter`. */
const PAUSE_MS = 5;
/**
 * As many operations in one chapter as a usual one has three times. Beyond them the load becomes light: where nodes take
 * minutes to come back, the checkers would get more than they can take.
 */
const FULL_SPEED_OPERATIONS = 30_000;
const LIGHT_PAUSE_MS = 200;
const READ_SHARE = 0.3;

/** Clients that write, write on conditions, read, and take locks, all the time but for the moments of quiet. */
export class RoundLoad implements AsyncDisposable {
  private chapterNow = new Chapter(0);
  private isRunning = true;
  private isPaused = true;
  private busyWorkers = 0;
  private valueCount = 0;
  private acknowledgedPuts = 0;
  private acknowledgedAtMs = 0;
  private longestGap = 0;
  private failure: unknown = null;
  private readonly workers: Promise<unknown>;

  private constructor(
    private readonly clients: readonly Latchkey[],
    private readonly random: SeededRandom,
  ) {
    this.workers = Promise.all(
      clients.flatMap((client, at) => {
        const worker = (kind: string, work: (caller: Caller) => Promise<void>) =>
          this.repeat(work, { client, name: `client ${at} ${kind}` });
        return [
          worker('put', (caller) => this.putOrRead(caller)),
          worker('conditional', (caller) => this.putConditionally(caller)),
          worker('lock', (caller) => this.hold(caller)),
        ];
      }),
    );
  }

  /** Paused at first. */
  static async connect(endpoints: readonly string[], random: SeededRandom): Promise<RoundLoad> {
    const clients = await Promise.all(
      Array.from({ length: CLIENTS }, (_, at) =>
        connect({
          endpoints: [...endpoints.slice(at % endpoints.length), ...endpoints.slice(0, at % endpoints.length)],
          requestTimeoutMs: REQUEST_TIMEOUT_MS,
        }),
      ),
    );
    return new RoundLoad(clients, random);
  }

  get chapter(): Chapter {
    return this.chapterNow;
  }

  /** Puts, since the beginning. */
  get acknowledged(): number {
    return this.acknowledgedPuts;
  }

  /** Since `measureGaps`, between two acknowledged puts of any clients. */
  get longestGapMs(): number {
    return this.longestGap;
  }

  measureGaps(): void {
    this.acknowledgedAtMs = performance.now();
    this.longestGap = 0;
  }

  /** Only while it is quiet. @returns the chapter that is complete now */
  beginChapter(): Chapter {
    const complete = this.chapterNow;
    this.chapterNow = new Chapter(complete.number + 1);
    return complete;
  }

  resume(): void {
    this.isPaused = false;
  }

  /** Resolves when no call is under way. @throws what a worker has failed with */
  async quiet(): Promise<void> {
    this.isPaused = true;
    while (this.busyWorkers > 0) await pause(PAUSE_MS);
    this.throwFailure();
  }

  /** Waits for so many acknowledged puts that begin after this call. @throws when they do not come in time */
  async progress(puts: number, limitMs: number): Promise<void> {
    // Each worker may have one under way.
    const wanted = this.acknowledgedPuts + puts + 2 * CLIENTS;
    const deadlineMs = performance.now() + limitMs;
    while (this.acknowledgedPuts < wanted) {
      this.throwFailure();
      if (performance.now() > deadlineMs) throw new Error(`no ${puts} acknowledged writes within ${limitMs} ms`);
      await pause(PAUSE_MS);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.isRunning = false;
    await Promise.all(this.clients.map((client) => client.close()));
    await this.workers;
  }

  private async repeat(work: (caller: Caller) => Promise<void>, caller: Caller): Promise<void> {
    while (this.isRunning) {
      if (!this.isPaused) {
        this.busyWorkers += 1;
        try {
          await work(caller);
        } catch (error) {
          if (this.isRunning) this.failure ??= error;
          return;
        } finally {
          this.busyWorkers -= 1;
        }
      }
      await pause(this.chapter.operations.length < FULL_SPEED_OPERATIONS ? PAUSE_MS : LIGHT_PAUSE_MS);
    }
  }

  private async putOrRead(caller: Caller): Promise<void> {
    const key = this.random.pick(this.chapter.keys);
    if (this.random.next() < READ_SHARE) await recordedRead(caller, this.chapter, key);
    else await this.put(caller, key, null);
  }

  private async putConditionally(caller: Caller): Promise<void> {
    const key = this.random.pick(this.chapter.keys);
    const revision = await recordedRead(caller, this.chapter, key);
    if (revision !== null) await this.put(caller, key, revision);
  }

  private async put(caller: Caller, key: string, ifRevision: number | null): Promise<void> {
    this.valueCount += 1;
    const value = `${caller.name} #${this.valueCount}`;
    if (!(await recordedPut(caller, this.chapter, { key, value, ifRevision }))) return;
    const nowMs = performance.now();
    this.longestGap = Math.max(this.longestGap, nowMs - this.acknowledgedAtMs);
    this.acknowledgedAtMs = nowMs;
    this.acknowledgedPuts += 1;
  }

  /** Under the lock it does what a holder does: some other work on the cluster. */
  private async hold(caller: Caller): Promise<void> {
    const lock = this.random.pick(this.chapter.locks);
    await recordedHold(caller, this.chapter, {
      lock,
      work: () => recordedRead(caller, this.chapter, this.random.pick(this.chapter.keys)),
    });
  }

  private throwFailure(): void {
    if (this.failure !== null) throw this.failure;
  }
}
