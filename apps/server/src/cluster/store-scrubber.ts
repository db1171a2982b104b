import {
  LogStoreError,
  type Clock,
  type Replica,
  type StoreVerifier,
  type Timer,
  type VerifiedPage,
} from '@latchkey/replica';
import type { PartLogger } from '../logging/part-logger.js';

/** What is read and checked in one go: a few milliseconds of the database and of this process. */
export const SCRUB_PAGE_BYTES = 128 * 1024;
/** A page is followed by a pause of so many times what it took: both work on it for at most 2 % of the time. */
export const SCRUB_PAUSE_FACTOR = 49;
/** A page of so many rows that took so long that its pause would be longer has waited for its turn, not worked. */
export const SCRUB_PAUSE_MAX_MS = 2_000;
export const SCRUB_ROWS_PER_PAUSE = 50_000;
/** The database may be away for long: that it cannot be looked at is said no more often. */
const FAILURE_LOG_INTERVAL_MS = 60_000;

export type StoreScrubberOptions = {
  readonly clock: Clock;
  readonly verifier: StoreVerifier;
  readonly replica: Pick<Replica<unknown>, 'status' | 'storeFoundCorrupt'>;
  readonly logger: PartLogger;
  /** From the end of one pass to the beginning of the next; 0: there are none. */
  readonly intervalMs: number;
};

/**
 * Reads all that is durable, again and again, and looks whether it is what was written: damage that nobody reads would
 * otherwise be found by the next start, when the other copies may be damaged too (FAILURE-MODES 29, 34).
 */
export class StoreScrubber {
  private pages = 0;
  private passes = 0;
  private failures = 0;
  private timer: Timer | null = null;
  private wake: () => void = () => undefined;
  private isStopped = false;
  private nextFailureLogMs = 0;

  constructor(private readonly options: StoreScrubberOptions) {}

  /** Since the start. */
  get verifiedPages(): number {
    return this.pages;
  }

  /** Since the start, those that have found nothing. */
  get verifiedPasses(): number {
    return this.passes;
  }

  /** Since the start, passes that have found damage. */
  get damagedPasses(): number {
    return this.failures;
  }

  /** Once the store is loaded. */
  start(): void {
    if (this.options.intervalMs > 0 && !this.isStopped) void this.run();
  }

  stop(): void {
    this.isStopped = true;
    this.timer?.cancel();
    this.wake();
  }

  private async run(): Promise<void> {
    for (;;) {
      await this.pause(this.options.intervalMs);
      if (this.isStopped) return;
      // Else the store is not in use, or known to be lost.
      if (this.options.replica.status().phase === 'running') await this.pass();
    }
  }

  private async pass(): Promise<void> {
    const pages = this.options.verifier.verify({ maxBytesPerPage: SCRUB_PAGE_BYTES })[Symbol.asyncIterator]();
    try {
      while (await this.nextPage(pages)) {
        if (this.isStopped) return;
      }
      this.passes += 1;
    } catch (error) {
      this.failed(error);
    } finally {
      // What it holds is of the store; that it cannot be given back says nothing about what was read.
      await pages.return?.().catch(() => undefined);
    }
  }

  /** False at the end. */
  private async nextPage(pages: AsyncIterator<VerifiedPage>): Promise<boolean> {
    const { clock } = this.options;
    const startedAtMs = clock.nowMs();
    const { done, value } = await pages.next();
    if (done === true) return false;
    this.pages += 1;
    const maxPauseMs = SCRUB_PAUSE_MAX_MS * Math.max(1, value.rowCount / SCRUB_ROWS_PER_PAUSE);
    await this.pause(Math.min(maxPauseMs, (clock.nowMs() - startedAtMs) * SCRUB_PAUSE_FACTOR));
    return true;
  }

  private failed(error: unknown): void {
    if (this.isStopped) return;
    const { clock, logger, replica } = this.options;
    // A bug; everything else that goes wrong with a store has a name.
    if (!(error instanceof LogStoreError)) throw error;
    if (error.code === 'corrupt') {
      this.failures += 1;
      logger.error('the database holds what was never written', { error: error.message });
      replica.storeFoundCorrupt(error);
      return;
    }
    if (clock.nowMs() < this.nextFailureLogMs) return;
    this.nextFailureLogMs = clock.nowMs() + FAILURE_LOG_INTERVAL_MS;
    logger.info('the database could not be looked at for damage', { code: error.code, error: error.message });
  }

  private pause(delayMs: number): Promise<void> {
    if (this.isStopped) return Promise.resolve();
    return new Promise((resolve) => {
      this.wake = resolve;
      this.timer = this.options.clock.setTimer(delayMs, resolve);
    });
  }
}
