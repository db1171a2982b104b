import type { LogIndex, SnapshotMeta } from '@latchkey/raft';
import { RESTORE_PAGE_BYTES } from './limits.js';
import type { CheckpointView, StateRow } from './ports/checkpoint-store.js';
import type { Clock } from './ports/clock.js';
import { LogStoreError } from './ports/log-store.js';
import type { CheckpointOptions } from './replica-api.js';

export type StateRestorerOptions<Outcome> = {
  readonly checkpoints: CheckpointOptions<Outcome>;
  readonly clock: Clock;
  /** The machine holds this state from now on. */
  readonly onRestored: (meta: SnapshotMeta) => void;
};

/**
 * Brings the state machine to the latest checkpoint: page by page, then step by step through what is left to do. One
 * page or step in a turn, so that messages and timers get theirs meanwhile (FAILURE-MODES 52). The machine keeps its old
 * state until all of it is done.
 */
export class StateRestorer<Outcome> {
  private inFlight: Promise<void> | null = null;
  private isCancelled = false;

  constructor(private readonly options: StateRestorerOptions<Outcome>) {}

  /**
   * One at a time. Resolves when the machine is restored, or `cancel` was called.
   * @param atLeast the checkpoint is known to have reached this
   * @throws LogStoreError `corrupt` when the rows cannot be those of a state; else what the store throws
   */
  restore(atLeast: LogIndex): Promise<void> {
    this.inFlight = this.readCheckpoint(atLeast).finally(() => {
      this.inFlight = null;
    });
    return this.inFlight;
  }

  get isRestoring(): boolean {
    return this.inFlight !== null;
  }

  /** Resolves when nothing is read any more, however it ended. */
  async idle(): Promise<void> {
    await this.inFlight?.catch(() => undefined);
  }

  /** The machine stays as it is. Resolves when the read under way has ended. */
  cancel(): Promise<void> {
    this.isCancelled = true;
    return this.idle();
  }

  private async readCheckpoint(atLeast: LogIndex): Promise<void> {
    const view = await this.options.checkpoints.store.openView();
    if (view === null) throw new LogStoreError('corrupt', `the checkpoint at ${atLeast} is gone`);
    try {
      if (view.meta.index < atLeast) {
        throw new LogStoreError('corrupt', `the checkpoint at ${atLeast} is gone, there is one at ${view.meta.index}`);
      }
      await this.readRows(view);
    } finally {
      // Nothing is lost when that fails: who cannot be reached holds nothing for us.
      await view.close().catch(() => undefined);
    }
  }

  private async readRows(view: CheckpointView): Promise<void> {
    const { meta } = view;
    const restore = this.options.checkpoints.stateMachine.beginRestore();
    let reading = pageOf(view);
    try {
      for (let rows = await reading; rows !== null; rows = await reading) {
        if (this.isCancelled) return;
        // The store reads on while the machine takes these.
        reading = pageOf(view);
        const page = rows;
        orCorrupt(meta, () => restore.add(page));
        await this.nextTurn();
      }
    } finally {
      await reading.catch(() => undefined);
    }
    while (!this.isCancelled && orCorrupt(meta, () => restore.prepare())) await this.nextTurn();
    if (this.isCancelled) return;
    orCorrupt(meta, () => restore.finish({ index: meta.index, term: meta.term }));
    this.options.onRestored(meta);
  }

  private nextTurn(): Promise<void> {
    return new Promise((resolve) => this.options.clock.defer(resolve));
  }
}

/** Its failure is looked at when the page is wanted, which may be a turn later. */
function pageOf(view: CheckpointView): Promise<readonly StateRow[] | null> {
  const page = view.nextPage(RESTORE_PAGE_BYTES);
  page.catch(() => undefined);
  return page;
}

/** Rows that the machine cannot take are damage, whatever it says about them. */
function orCorrupt<Result>(meta: SnapshotMeta, action: () => Result): Result {
  try {
    return action();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new LogStoreError('corrupt', `the checkpoint at ${meta.index} cannot be restored: ${reason}`, { cause });
  }
}
