import type { HardState, LogEntry, LogIndex, LogPosition, SnapshotMeta } from '@latchkey/raft';

/** One atomic change of the durable Raft state. At least one part is present. */
export type PersistBatch = {
  readonly hardState: HardState | null;
  /** Drop every entry from this index on, before appending. */
  readonly truncateFrom: LogIndex | null;
  /** Consecutive; the first directly follows the log's last entry (after the truncation). */
  readonly entries: readonly LogEntry[];
};

export type DurableState = {
  readonly hardState: HardState;
  /** The last entry that the log no longer holds; (0, 0) when it was never compacted. */
  readonly base: LogPosition;
  /** The whole log, in order, from `base.index` + 1 on. */
  readonly entries: readonly LogEntry[];
  /** The latest checkpoint, which is not before `base`; null when there is none. Its rows are read by `CheckpointStore.openView`. */
  readonly checkpoint: SnapshotMeta | null;
};

/**
 * Durable Raft state of exactly one node. The driver calls one method at a time and awaits it.
 *
 * Duties: `persist` is all or nothing, and what it wrote survives a crash of process and machine once the promise
 * resolves. Entries come back byte for byte or `load` fails with `LOG_CORRUPT`; a damaged log is never returned as a shorter one.
 */
export interface LogStore {
  /**
   * Reads the durable state, claiming the store for this process: an older process on the same store can write no more.
   * A new store gives term 0, no vote and no entries.
   * Called at start and again after any failed `persist`.
   * @throws LogStoreError
   */
  load(): Promise<DurableState>;
  /**
   * @throws LogStoreError. After `outcomeUnknown` the batch may or may not be durable: the driver must `load` again
   * before it says anything to anybody (FAILURE-MODES 27).
   */
  persist(batch: PersistBatch): Promise<void>;
  /** Gives the store up. Idempotent. */
  close(): Promise<void>;
}

export type LogStoreErrorCode =
  /** The write may or may not be durable. */
  | 'outcomeUnknown'
  /** The store cannot be reached or used at the moment; trying again later may work. */
  | 'unavailable'
  /** Another process has claimed the store since; this one must stop. */
  | 'fenced'
  /** What was read is not what was written; a person or a peer must repair it. */
  | 'corrupt'
  /** The store belongs to another node or cluster. */
  | 'foreign'
  /** The server's settings would break the durability promise. */
  | 'unsafe';

export type LogStoreErrorOptions = ErrorOptions & { readonly summary?: string };

export class LogStoreError extends Error {
  override readonly name = 'LogStoreError';
  /** What may be told to anybody who asks the node how it is: no address, no name, no words of somebody else. */
  readonly summary: string;
  constructor(
    readonly code: LogStoreErrorCode,
    message: string,
    { summary = 'the store cannot be used', ...options }: LogStoreErrorOptions = {},
  ) {
    super(message, options);
    this.summary = summary;
  }
}
