import type { LogIndex, LogPosition, PersistId, SnapshotMeta } from '@latchkey/raft';
import { logIndex } from '@latchkey/raft';
import { CheckpointRequests } from './checkpoint-requests.js';
import { CHECKPOINT_RETRY_MAX_MS, CHECKPOINT_RETRY_MIN_MS } from './limits.js';
import type { Checkpoint } from './ports/checkpoint-store.js';
import type { Clock, Timer } from './ports/clock.js';
import type { ReplicaObserver } from './ports/observer.js';
import type { CheckpointOptions } from './replica-api.js';
import { isRecoverable } from './store-reload.js';

/** How far this node is: what a checkpoint would be of, and how much it would spare the next start. */
export type AppliedProgress = {
  readonly position: SnapshotMeta;
  readonly appliedIndex: LogIndex;
  readonly appliedByteCount: number;
  /** The last entry that the present core has given; behind `appliedIndex` when the core was built anew. */
  readonly takenIndex: LogIndex;
};

/** How far the log is, in the present run of the core. */
export type LogProgress = {
  readonly lastPersistId: PersistId;
  isDurable(id: PersistId): boolean;
};

export type CheckpointerOptions<Outcome> = {
  readonly checkpoints: CheckpointOptions<Outcome>;
  readonly clock: Clock;
  readonly observer: ReplicaObserver;
  readonly onSaved: (index: LogIndex) => void;
  /** The store must not be used any more. */
  readonly onFailed: (error: unknown) => void;
};

type PendingCheckpoint = Checkpoint & {
  readonly takenAtMs: number;
  /** The log reaches the checkpoint once this write is durable; null while the present core has not come that far. */
  awaitedPersistId: PersistId | null;
};

/**
 * Saves the applied state from time to time, and drops the log that is no longer needed for it. One checkpoint at a
 * time: the changes of one that cannot be saved are kept and saved later, because the next ones only follow on them.
 */
export class Checkpointer<Outcome> {
  /** Who waits for a checkpoint. */
  readonly requests: CheckpointRequests;
  private saved = logIndex(0);
  private pending: PendingCheckpoint | null = null;
  private waitingBase: LogPosition | null = null;
  private saving: Promise<void> | null = null;
  private compacting: Promise<void> | null = null;
  private isSuspended = true;
  private retryTimer: Timer | null = null;
  private retryDelayMs = CHECKPOINT_RETRY_MIN_MS;
  /** Where the last checkpoint was taken, or the state restored. */
  private lastTaken = { index: logIndex(0), byteCount: 0 };
  private log: LogProgress | null = null;

  constructor(private readonly options: CheckpointerOptions<Outcome>) {
    this.requests = new CheckpointRequests(options.clock);
  }

  /** The latest durable checkpoint; 0 = none. */
  get savedIndex(): LogIndex {
    return this.saved;
  }

  /** A run of the core begins on what the store has told, and the state machine is not behind it. */
  begin(checkpoint: SnapshotMeta | null, log: LogProgress): void {
    this.log = log;
    const { pending } = this;
    const loadedIndex = checkpoint?.index ?? logIndex(0);
    if (pending !== null && pending.meta.index === loadedIndex) this.noteSaved(pending);
    // A snapshot took its place, and the state machine was restored by that.
    else if (pending !== null && pending.meta.index < loadedIndex) this.pending = null;
    else if (pending !== null) pending.awaitedPersistId = null;
    this.savedAt(loadedIndex);
    this.resume();
  }

  /** Looks whether a checkpoint is due. */
  applied(applied: AppliedProgress): void {
    const { pending, log } = this;
    if (log === null || this.isSuspended) return;
    if (pending === null) this.takeIfDue(applied, log);
    else if (pending.awaitedPersistId === null && applied.takenIndex >= pending.meta.index) {
      pending.awaitedPersistId = log.lastPersistId;
    }
    this.saveIfDurable();
  }

  /** More of the log became durable. */
  logWritten(): void {
    if (this.pending !== null) this.saveIfDurable();
  }

  /** In the background; of several that wait only the latest counts. */
  compactLog(base: LogPosition): void {
    this.waitingBase = base;
    this.compactNext();
  }

  /** Begins nothing more until `resume`. Resolves when the calls under way have ended. */
  async suspend(): Promise<void> {
    this.isSuspended = true;
    this.retryTimer?.cancel();
    this.retryTimer = null;
    await Promise.all([this.saving, this.compacting]);
  }

  resume(): void {
    this.isSuspended = false;
    this.saveIfDurable();
    this.compactNext();
  }

  /** The state machine holds what is durable: its changes begin anew, and what was to be saved or dropped is part of it. */
  restored(meta: SnapshotMeta, applied: { readonly appliedByteCount: number }): void {
    this.lastTaken = { index: meta.index, byteCount: applied.appliedByteCount };
    this.pending = null;
    this.waitingBase = null;
    this.savedAt(meta.index);
  }

  private takeIfDue(applied: AppliedProgress, log: LogProgress): void {
    const { everyEntries, everyBytes, stateMachine } = this.options.checkpoints;
    const { appliedIndex, appliedByteCount } = applied;
    const isDue =
      appliedIndex - this.lastTaken.index >= everyEntries || appliedByteCount - this.lastTaken.byteCount >= everyBytes;
    const isWanted = this.requests.wantedIndex > this.lastTaken.index;
    if (!(isDue || isWanted) || appliedIndex === this.lastTaken.index) return;
    // A node that joins learns of the first members by an entry; before it, the checkpoint would say that there are none.
    if (applied.position.membership.voters.length === 0) return;
    this.lastTaken = { index: appliedIndex, byteCount: appliedByteCount };
    this.pending = {
      meta: applied.position,
      changes: stateMachine.takeChanges(),
      takenAtMs: this.options.clock.nowMs(),
      // The core asked for an entry to be written before it gave it to be applied, together with what it replaces.
      awaitedPersistId: applied.takenIndex >= appliedIndex ? log.lastPersistId : null,
    };
  }

  /** A log that ends before the checkpoint could not follow on it after a crash. */
  private saveIfDurable(): void {
    const { pending, log } = this;
    if (pending === null || log === null || this.isSuspended) return;
    if (this.saving !== null || this.retryTimer !== null) return;
    if (pending.awaitedPersistId === null || !log.isDurable(pending.awaitedPersistId)) return;
    this.saving = this.save(pending).then(
      () => {
        this.saving = null;
        this.noteSaved(pending);
        this.options.onSaved(pending.meta.index);
      },
      (error: unknown) => {
        this.saving = null;
        this.saveFailed(error);
      },
    );
  }

  /** A store that throws at once is treated like one whose promise rejects. */
  private async save({ meta, changes }: PendingCheckpoint): Promise<void> {
    await this.options.checkpoints.store.save({ meta, changes });
  }

  private noteSaved({ meta, takenAtMs }: PendingCheckpoint): void {
    this.pending = null;
    this.savedAt(meta.index);
    this.options.checkpoints.stateMachine.changesSaved(meta.index);
    this.retryDelayMs = CHECKPOINT_RETRY_MIN_MS;
    this.options.observer.checkpointed?.({
      index: meta.index,
      durationMs: this.options.clock.nowMs() - takenAtMs,
    });
  }

  private savedAt(index: LogIndex): void {
    this.saved = index;
    this.requests.saved(index);
  }

  private saveFailed(error: unknown): void {
    if (!isRecoverable(error)) {
      this.options.onFailed(error);
      return;
    }
    const delayMs = this.retryDelayMs;
    this.retryDelayMs = Math.min(delayMs * 2, CHECKPOINT_RETRY_MAX_MS);
    this.options.observer.warning?.('a checkpoint could not be saved; trying again', {
      code: error.code,
      error: error.message,
      delayMs,
    });
    if (this.isSuspended) return;
    this.retryTimer = this.options.clock.setTimer(delayMs, () => {
      this.retryTimer = null;
      this.saveIfDurable();
    });
  }

  private compactNext(): void {
    const base = this.waitingBase;
    if (base === null || this.compacting !== null || this.isSuspended) return;
    this.waitingBase = null;
    this.compacting = this.compact(base).then(
      () => this.compactionEnded(null),
      (error: unknown) => this.compactionEnded(error),
    );
  }

  private async compact(base: LogPosition): Promise<void> {
    await this.options.checkpoints.store.compactLog(base);
  }

  private compactionEnded(error: unknown): void {
    this.compacting = null;
    if (error !== null && !isRecoverable(error)) {
      this.options.onFailed(error);
      return;
    }
    // The next base is not before this one, so nothing is kept for ever.
    if (error !== null) {
      this.options.observer.warning?.('the log could not be compacted', { code: error.code, error: error.message });
    }
    this.compactNext();
  }
}
