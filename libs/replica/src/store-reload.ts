import { invariant, logIndex, term, type HardState, type LogIndex } from '@latchkey/raft';
import { RELOAD_BACKOFF_MAX_MS, RELOAD_BACKOFF_MIN_MS } from './limits.js';
import type { Clock, Timer } from './ports/clock.js';
import { LogStoreError, type DurableState } from './ports/log-store.js';
import type { ReplicaObserver } from './ports/observer.js';
import type { DurableBatch } from './persist-pipeline.js';
import type { InstallEffect } from './raft-run.js';
import type { StorePosition } from './store-standing.js';

/** Whether loading again can put things right; otherwise the node must stop. */
export function isRecoverable(error: unknown): error is LogStoreError {
  return error instanceof LogStoreError && (error.code === 'outcomeUnknown' || error.code === 'unavailable');
}

/** What is there is not what was written. */
export function isCorrupt(error: unknown): error is LogStoreError {
  return error instanceof LogStoreError && error.code === 'corrupt';
}

/** What the store has confirmed so far: what it must still have after a reload. */
export class DurableWatermark {
  private hardState: HardState | null = null;
  private lastLogIndex = 0;
  private checkpointIndex = 0;
  /** Of the last entry; 0 while it is not known. */
  private lastLogTerm = 0;
  private isWritten = false;

  /** The store has confirmed a write since it was loaded. */
  get hasBeenWritten(): boolean {
    return this.isWritten;
  }

  /** What the store would show after a restart. @param committedIndex entries up to there are never replaced */
  position(committedIndex: LogIndex): StorePosition {
    const lastIndex = logIndex(this.lastLogIndex);
    const currentTerm = this.hardState?.currentTerm ?? term(0);
    const isOfThisTerm = currentTerm === this.lastLogTerm;
    const keptIndex = isOfThisTerm ? lastIndex : logIndex(Math.min(lastIndex, committedIndex));
    return { term: currentTerm, lastIndex, keptIndex };
  }

  loaded(durable: DurableState): void {
    this.hardState = durable.hardState;
    this.lastLogIndex = lastLogIndexOf(durable);
    this.lastLogTerm = (durable.entries.at(-1) ?? durable.base).term;
    this.checkpointIndex = durable.checkpoint?.index ?? 0;
    this.isWritten = false;
  }

  persisted(batch: DurableBatch): void {
    // A batch of nothing never reached the store.
    if (batch.hardState !== null || batch.truncateFrom !== null || batch.entries.length > 0) this.isWritten = true;
    this.hardState = batch.hardState ?? this.hardState;
    if (batch.truncateFrom !== null) {
      this.lastLogIndex = Math.min(this.lastLogIndex, batch.truncateFrom - 1);
      this.lastLogTerm = 0;
    }
    const last = batch.entries.at(-1);
    if (last === undefined) return;
    this.lastLogIndex = last.index;
    this.lastLogTerm = last.term;
  }

  checkpointed(index: LogIndex): void {
    this.checkpointIndex = index;
  }

  installed({ hardState, snapshot, keepsTail }: InstallEffect): void {
    this.isWritten = true;
    this.hardState = hardState ?? this.hardState;
    this.lastLogIndex = keepsTail ? Math.max(this.lastLogIndex, snapshot.index) : snapshot.index;
    this.checkpointIndex = snapshot.index;
    this.lastLogTerm = this.lastLogIndex === snapshot.index ? snapshot.term : 0;
  }

  /**
   * A store that comes back without what it had confirmed (a restored backup, a wiped disk) would vote twice
   * (FAILURE-MODES 32).
   * @param committedIndex the tail above it may have been truncated by the very batch whose outcome is unknown
   * @throws InvariantViolation
   */
  assertKept(durable: DurableState, committedIndex: LogIndex): void {
    const before = this.hardState;
    const after = durable.hardState;
    if (before !== null) {
      const isSameVote = after.votedFor === before.votedFor || before.votedFor === null;
      const isKept = after.currentTerm > before.currentTerm || (after.currentTerm === before.currentTerm && isSameVote);
      invariant(
        isKept,
        `the store has lost its hard state: had term ${before.currentTerm}, voted for ${before.votedFor}; ` +
          `came back with term ${after.currentTerm}, voted for ${after.votedFor}`,
      );
    }
    const mustReach = Math.min(this.lastLogIndex, committedIndex);
    const reaches = lastLogIndexOf(durable);
    invariant(
      reaches >= mustReach,
      `the store has lost committed entries: had ${mustReach}, came back with ${reaches}`,
    );
    const checkpointIndex = durable.checkpoint?.index ?? 0;
    invariant(
      checkpointIndex >= this.checkpointIndex,
      `the store has lost a checkpoint: had ${this.checkpointIndex}, came back with ${checkpointIndex}`,
    );
  }
}

function lastLogIndexOf({ base, entries }: DurableState): LogIndex {
  return entries.at(-1)?.index ?? base.index;
}

/** @param inVain loads in a row after which the store confirmed no write */
export function pauseBeforeReload(inVain: number): number {
  return inVain === 0 ? 0 : Math.min(RELOAD_BACKOFF_MIN_MS * 2 ** (inVain - 1), RELOAD_BACKOFF_MAX_MS);
}

export type StoreReloadOptions = {
  /** May fail by throwing or by rejecting. */
  readonly load: () => Promise<DurableState>;
  /** Before the first attempt. */
  readonly pauseMs: number;
  readonly clock: Clock;
  readonly observer: ReplicaObserver;
  readonly onLoaded: (durable: DurableState) => void;
  /** It did not work, and is tried again. */
  readonly onDelayed: (error: LogStoreError) => void;
  /** An error that loading again cannot cure. */
  readonly onFailed: (error: unknown) => void;
};

/** Loads until it works, with growing pauses. */
export class StoreReload {
  private delayMs: number;
  private timer: Timer | null = null;
  private isCancelled = false;
  private inFlight: Promise<void> | null = null;

  constructor(private readonly options: StoreReloadOptions) {
    this.delayMs = Math.max(RELOAD_BACKOFF_MIN_MS, options.pauseMs);
  }

  begin(): void {
    const { pauseMs } = this.options;
    if (pauseMs === 0) this.attempt();
    else this.attemptAfter(pauseMs);
  }

  /** Resolves when the load under way, if any, has ended; its result is dropped. */
  async cancel(): Promise<void> {
    this.isCancelled = true;
    this.timer?.cancel();
    await this.inFlight;
  }

  private attemptAfter(delayMs: number): void {
    this.timer = this.options.clock.setTimer(delayMs, () => this.attempt());
  }

  private attempt(): void {
    this.timer = null;
    this.inFlight = this.load().then(
      (durable) => {
        if (!this.isCancelled) this.options.onLoaded(durable);
      },
      (error: unknown) => this.loadFailed(error),
    );
  }

  private async load(): Promise<DurableState> {
    return this.options.load();
  }

  private loadFailed(error: unknown): void {
    if (this.isCancelled) return;
    if (!isRecoverable(error)) {
      this.options.onFailed(error);
      return;
    }
    this.options.onDelayed(error);
    const delayMs = this.delayMs;
    this.delayMs = Math.min(delayMs * 2, RELOAD_BACKOFF_MAX_MS);
    this.options.observer.warning?.('the store cannot be loaded yet', {
      code: error.code,
      error: error.message,
      delayMs,
    });
    this.attemptAfter(delayMs);
  }
}
