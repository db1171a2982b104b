import { invariant, type LogPosition, type SnapshotMeta } from '@latchkey/raft';
import {
  LogStoreError,
  MAX_READ_ROWS,
  type Checkpoint,
  type CheckpointStore,
  type CheckpointView,
  type SnapshotInstallation,
  type SnapshotStaging,
  type StateRow,
  type StateRowChange,
} from '@latchkey/replica';
import type { MemoryDisk, MemoryProcess, RowsByKey } from './memory-disk.js';
import { MemoryCheckpointView } from './memory-checkpoint-view.js';
import { copyOfRow, rowKeyOf } from './memory-rows.js';

/**
 * The checkpoints on a memory disk, of the same process as the `MemoryLogStore` that is made on it beside this one.
 * Keeps every duty of the port except that a disk is only memory.
 */
export class MemoryCheckpointStore implements CheckpointStore {
  private readonly process: MemoryProcess;
  private staging: MemoryStaging | null = null;

  constructor(private readonly disk: MemoryDisk) {
    this.process = disk.join('checkpoints');
  }

  async save({ meta, changes }: Checkpoint): Promise<void> {
    this.assertOwner();
    const taken: StateRowChange[] = [];
    for (const page of changes) {
      for (const { key, value } of page) taken.push({ key: key.slice(), value: value === null ? null : value.slice() });
      // As on a disk, others run between two pages.
      await Promise.resolve();
    }
    this.assertOwner();
    const { checkpoint, base, entries } = this.disk;
    invariant(meta.index >= (checkpoint?.meta.index ?? 1), `checkpoint ${meta.index} is older than the one there`);
    invariant(meta.index <= base.index + entries.length, `checkpoint ${meta.index} is beyond the end of the log`);
    const rows = checkpoint?.rows ?? new Map<string, StateRow>();
    for (const { key, value } of taken) {
      if (value === null) rows.delete(rowKeyOf(key));
      else rows.set(rowKeyOf(key), { key, value });
    }
    this.disk.checkpoint = { meta, rows };
  }

  async readRows(keys: readonly Uint8Array[]): Promise<readonly (Uint8Array | null)[]> {
    this.assertOwner();
    invariant(keys.length <= MAX_READ_ROWS, 'too many rows were asked for at once');
    const rows = this.disk.checkpoint?.rows;
    return keys.map((key) => rows?.get(rowKeyOf(key))?.value.slice() ?? null);
  }

  async openView(): Promise<CheckpointView | null> {
    this.assertOwner();
    const { checkpoint } = this.disk;
    return checkpoint === null ? null : new MemoryCheckpointView(checkpoint.meta, checkpoint.rows);
  }

  async compactLog(base: LogPosition): Promise<void> {
    this.assertOwner();
    const { checkpoint, base: before } = this.disk;
    invariant(base.index <= (checkpoint?.meta.index ?? 0), `the log was to be compacted beyond the checkpoint`);
    if (base.index <= before.index) return;
    this.disk.entries = this.disk.entries.slice(base.index - before.index);
    this.disk.base = base;
  }

  async stageSnapshot(snapshot: SnapshotMeta): Promise<SnapshotStaging> {
    this.assertOwner();
    await this.staging?.discard();
    this.staging = new MemoryStaging(snapshot);
    return this.staging;
  }

  async installSnapshot({ staging, hardState, keepsTail }: SnapshotInstallation): Promise<void> {
    this.assertOwner();
    invariant(staging === this.staging && this.staging !== null, 'a snapshot was installed that is not staged');
    const { snapshot } = staging;
    const { disk } = this;
    const lastIndex = disk.base.index + disk.entries.length;
    invariant(snapshot.index >= (disk.checkpoint?.meta.index ?? 1), 'the snapshot is older than the checkpoint');
    invariant(!keepsTail || snapshot.index <= lastIndex, 'the log ends before the snapshot: there is no tail to keep');
    disk.entries = keepsTail ? disk.entries.slice(snapshot.index - disk.base.index) : [];
    disk.base = { index: snapshot.index, term: snapshot.term };
    disk.checkpoint = { meta: snapshot, rows: this.staging.takeRows() };
    if (hardState !== null) disk.hardState = hardState;
    this.staging = null;
  }

  private assertOwner(): void {
    invariant(!this.process.isClosed, 'a closed store was used');
    if (this.disk.owner === this.process) return;
    throw new LogStoreError('fenced', 'another process has loaded this disk since, or this one has not yet');
  }
}

class MemoryStaging implements SnapshotStaging {
  private rows: RowsByKey | null = new Map();

  constructor(readonly snapshot: SnapshotMeta) {}

  async append(rows: readonly StateRow[]): Promise<void> {
    if (this.rows === null) throw new LogStoreError('unavailable', 'the staging is discarded');
    for (const row of rows) this.rows.set(rowKeyOf(row.key), copyOfRow(row));
  }

  async discard(): Promise<void> {
    this.rows = null;
  }

  takeRows(): RowsByKey {
    const { rows } = this;
    invariant(rows !== null, 'a discarded snapshot was installed');
    this.rows = null;
    return rows;
  }
}
