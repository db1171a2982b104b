import type { HardState, LogPosition, SnapshotMeta } from '@latchkey/raft';

/**
 * One row of the applied state, cut by the state machine and opaque to driver and store. Keys are unique and ordered
 * bytewise; a state is restored from its rows in that order.
 */
export type StateRow = { readonly key: Uint8Array; readonly value: Uint8Array };

/** A row that is new or different, or (`value` null) gone. */
export type StateRowChange = { readonly key: Uint8Array; readonly value: Uint8Array | null };

/** Everything that changed since the checkpoint before. Can be gone through more than once, each time with the same rows. */
export type StateChanges = Iterable<readonly StateRowChange[]>;

export type Checkpoint = {
  readonly meta: SnapshotMeta;
  /** In pages, pulled one at a time between awaits: each page is encoded when it is asked for. A key occurs once. */
  readonly changes: StateChanges;
};

/** Keys in one call of `CheckpointStore.readRows`. */
export const MAX_READ_ROWS = 1_024;

/** The rows of one checkpoint, whatever is saved or installed while it is read. */
export interface CheckpointView {
  readonly meta: SnapshotMeta;
  /** The next rows in key order, about `maxBytes` of them but at least one; null at the end. @throws LogStoreError */
  nextPage(maxBytes: number): Promise<readonly StateRow[] | null>;
  /** Idempotent. A view holds resources of the store until then. */
  close(): Promise<void>;
}

/** Rows of a snapshot on their way in. Not part of the state before `installSnapshot`; gone after a restart. */
export interface SnapshotStaging {
  readonly snapshot: SnapshotMeta;
  /** Rows in key order, following on those before. @throws LogStoreError */
  append(rows: readonly StateRow[]): Promise<void>;
  /** Idempotent; nothing of it remains. */
  discard(): Promise<void>;
}

export type SnapshotInstallation = {
  readonly staging: SnapshotStaging;
  readonly hardState: HardState | null;
  /** Whether entries after the snapshot stay in the log. */
  readonly keepsTail: boolean;
};

/**
 * The applied state of one node, durable beside its log and in the same failure domain (FAILURE-MODES 25): a restart
 * reads the checkpoint and replays the log after it. Its calls may overlap `LogStore.persist`, and views may overlap all.
 *
 * Duties: `save` is all or nothing, meta included. Rows come back byte for byte, or reading fails with `corrupt`.
 * A process that was fenced from the log store is fenced here as well.
 */
export interface CheckpointStore {
  /**
   * Applies the changes to the rows of the checkpoint before. Saving the same checkpoint again does no harm: that is
   * what the driver does after `outcomeUnknown`. @throws LogStoreError
   */
  save(checkpoint: Checkpoint): Promise<void>;
  /**
   * What is in single rows of the latest durable checkpoint: the value for each key, null where there is no such row. At most
   * `MAX_READ_ROWS` keys. For readers of what the state machine holds no more: it may overlap every other call, and neither
   * waits for them nor keeps them waiting. @throws LogStoreError
   */
  readRows(keys: readonly Uint8Array[]): Promise<readonly (Uint8Array | null)[]>;
  /** The latest durable checkpoint; null when there is none. @throws LogStoreError */
  openView(): Promise<CheckpointView | null>;
  /** Drops the log's entries up to and including `base.index`, which is not beyond the checkpoint. @throws LogStoreError */
  compactLog(base: LogPosition): Promise<void>;
  /** Begins to take a snapshot; a staging that was begun before is discarded. @throws LogStoreError */
  stageSnapshot(snapshot: SnapshotMeta): Promise<SnapshotStaging>;
  /**
   * In one step that is all or nothing: the staged rows replace the checkpoint, the log's base becomes the snapshot's
   * position, its entries up to there are dropped and, unless `keepsTail`, also those after it, and the hard state is
   * written if given. Never called while a `persist` is under way, nor one while this is.
   * @throws LogStoreError as `persist` does
   */
  installSnapshot(installation: SnapshotInstallation): Promise<void>;
}
