import type { Effect, HardState, LogEntry, LogIndex, PersistId } from '@latchkey/raft';
import { ENTRY_OVERHEAD_BYTES } from './limits.js';
import type { Clock } from './ports/clock.js';
import type { LogStore, PersistBatch } from './ports/log-store.js';

type PersistEffect = Extract<Effect, { readonly type: 'persist' }>;

/** A batch that became durable. */
export type DurableBatch = PersistBatch & {
  /** This persist effect and all before it are durable now. */
  readonly lastPersistId: PersistId;
  readonly byteCount: number;
  /** Time the store took. */
  readonly durationMs: number;
};

/** A step of the store that is not a batch: it begins after the writes before it, and those after it wait for its end. */
export type StoreBarrier = {
  readonly run: () => Promise<void>;
  /** It is durable now, and so is everything before it. */
  readonly onDurable: () => void;
};

type GatheringBatch = {
  hardState: HardState | null;
  truncateFrom: LogIndex | null;
  entries: LogEntry[];
  lastPersistId: PersistId;
  byteCount: number;
};

export type PersistPipelineOptions = {
  readonly logStore: LogStore;
  readonly clock: Clock;
  readonly maxBatchBytes: number;
  readonly onDurable: (batch: DurableBatch) => void;
  /** Nothing more is written by this pipeline. */
  readonly onFailed: (error: unknown) => void;
};

/**
 * Group commit: one write at a time, and what the core wants persisted meanwhile gathers into the next one.
 * Belongs to one run of the Raft core; after a failed write it is thrown away together with that core.
 */
export class PersistPipeline {
  private waiting: (GatheringBatch | StoreBarrier)[] = [];
  private inFlight: Promise<void> | null = null;
  private closed = false;

  constructor(private readonly options: PersistPipelineOptions) {}

  /** Gathers; nothing is written before `startNext`. */
  add(effect: PersistEffect): void {
    if (this.closed) return;
    const byteCount = byteCountOf(effect.entries);
    const last = this.waiting.at(-1);
    if (last === undefined || 'run' in last || this.isFullFor(last, byteCount)) {
      this.waiting.push({
        hardState: effect.hardState,
        truncateFrom: effect.truncateFrom,
        entries: effect.entries.slice(),
        lastPersistId: effect.persistId,
        byteCount,
      });
      return;
    }
    mergeInto(last, effect);
    last.byteCount += byteCount;
  }

  /** Takes its place among the writes; nothing is merged across it. */
  addBarrier(barrier: StoreBarrier): void {
    if (!this.closed) this.waiting.push(barrier);
  }

  /** Begins the next write unless one is under way. */
  startNext(): void {
    if (this.inFlight !== null || this.closed) return;
    const next = this.waiting.shift();
    if (next === undefined) return;
    if ('run' in next) {
      this.follow(next.run(), next.onDurable);
      return;
    }
    const startedAtMs = this.options.clock.nowMs();
    this.follow(this.write(next), () => {
      const { hardState, truncateFrom, entries, lastPersistId, byteCount } = next;
      const durationMs = this.options.clock.nowMs() - startedAtMs;
      this.options.onDurable({ hardState, truncateFrom, entries, lastPersistId, byteCount, durationMs });
    });
  }

  /** Writes nothing more and reports nothing more; resolves when the write under way has ended. */
  async close(): Promise<void> {
    this.closed = true;
    this.waiting = [];
    await this.inFlight;
  }

  private isFullFor(batch: GatheringBatch, byteCount: number): boolean {
    return batch.byteCount > 0 && batch.byteCount + byteCount > this.options.maxBatchBytes;
  }

  private follow(written: Promise<void>, onDurable: () => void): void {
    this.inFlight = written.then(
      () => {
        this.inFlight = null;
        if (!this.closed) onDurable();
      },
      (error: unknown) => {
        this.inFlight = null;
        if (this.closed) return;
        this.closed = true;
        this.waiting = [];
        this.options.onFailed(error);
      },
    );
  }

  private async write(batch: GatheringBatch): Promise<void> {
    // A later truncation can take away everything an earlier effect had brought.
    if (batch.hardState === null && batch.truncateFrom === null && batch.entries.length === 0) return;
    await this.options.logStore.persist(batch);
  }
}

/** As if `effect` followed in the same transaction: last hard state, smallest truncation, surviving entries. */
function mergeInto(batch: GatheringBatch, effect: PersistEffect): void {
  batch.lastPersistId = effect.persistId;
  if (effect.hardState !== null) batch.hardState = effect.hardState;
  if (effect.truncateFrom !== null) truncate(batch, effect.truncateFrom);
  for (const entry of effect.entries) batch.entries.push(entry);
}

function truncate(batch: GatheringBatch, truncateFrom: LogIndex): void {
  const first = batch.entries[0];
  // Entries that never reached the store need no truncation there.
  if (first === undefined || truncateFrom < first.index) {
    const reachesFurther = batch.truncateFrom === null || truncateFrom < batch.truncateFrom;
    if (reachesFurther) batch.truncateFrom = truncateFrom;
  }
  if (first === undefined) return;
  const surviving = Math.max(0, truncateFrom - first.index);
  if (surviving >= batch.entries.length) return;
  batch.byteCount -= byteCountOf(batch.entries.slice(surviving));
  batch.entries.length = surviving;
}

function byteCountOf(entries: readonly LogEntry[]): number {
  let byteCount = 0;
  for (const entry of entries) {
    byteCount += ENTRY_OVERHEAD_BYTES + (entry.type === 'command' ? entry.data.byteLength : 0);
  }
  return byteCount;
}
