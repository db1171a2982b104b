import { invariant, type LogIndex } from '@latchkey/raft';
import type { Clock } from './ports/clock.js';
import type { DurableState, LogStore, LogStoreError } from './ports/log-store.js';
import type { ReplicaObserver } from './ports/observer.js';
import type { StateCheckpoints } from './state-checkpoints.js';
import { DurableWatermark, pauseBeforeReload, StoreReload } from './store-reload.js';

export type DurableLoaderOptions<Outcome> = {
  readonly logStore: LogStore;
  readonly clock: Clock;
  readonly observer: ReplicaObserver;
  readonly checkpoints: StateCheckpoints<Outcome> | null;
  /** The last entry of this node that is known to be committed. */
  readonly committedIndex: () => LogIndex;
  readonly onLoadedAgain: (durable: DurableState) => void;
  /** An error that loading again cannot cure. */
  readonly onFailed: (error: unknown) => void;
};

/** What a run of the core begins with: the durable state, and the state machine at its checkpoint. */
export class DurableLoader<Outcome> {
  /** What the store has confirmed since. */
  readonly watermark = new DurableWatermark();
  private reload: StoreReload | null = null;
  private lastTrouble: string | null = null;
  /** Loads in a row after which the store confirmed no write. */
  private inVain = 0;

  constructor(private readonly options: DurableLoaderOptions<Outcome>) {}

  /** Why the store is being loaded again, in words for anybody; null when it is not. */
  get trouble(): string | null {
    return this.lastTrouble;
  }

  /** @throws LogStoreError, and InvariantViolation when there is a checkpoint and no store that could read it */
  async load(): Promise<DurableState> {
    const durable = await this.options.logStore.load();
    await this.restore(durable);
    return durable;
  }

  /** Brings the state machine to the checkpoint. @throws as `load` does */
  async restore(durable: DurableState): Promise<void> {
    const { checkpoints } = this.options;
    if (checkpoints !== null) await checkpoints.catchUpWith(durable);
    else invariant(durable.checkpoint === null, 'the store has a checkpoint: `ReplicaOptions.checkpoints` is missing');
  }

  /**
   * Until it works, with growing pauses; also when it works each time, but nothing can be written afterwards, as on a full
   * disk. A load fences the calls before it, so they must have ended.
   */
  loadAgain(callsEnded: Promise<unknown>, cause: LogStoreError): void {
    this.lastTrouble = cause.summary;
    if (this.watermark.hasBeenWritten) this.inVain = 0;
    this.reload = new StoreReload({
      load: () => callsEnded.then(() => this.load()),
      pauseMs: pauseBeforeReload(this.inVain),
      clock: this.options.clock,
      observer: this.options.observer,
      onLoaded: (durable) => this.loadedAgain(durable),
      onDelayed: ({ summary }) => (this.lastTrouble = summary),
      onFailed: this.options.onFailed,
    });
    this.inVain += 1;
    this.reload.begin();
  }

  /** Resolves when the load under way, if any, has ended; its result is dropped. */
  async cancel(): Promise<void> {
    await this.reload?.cancel();
  }

  private loadedAgain(durable: DurableState): void {
    this.reload = null;
    this.lastTrouble = null;
    try {
      this.watermark.assertKept(durable, this.options.committedIndex());
    } catch (error) {
      this.options.onFailed(error);
      return;
    }
    this.options.onLoadedAgain(durable);
  }
}
