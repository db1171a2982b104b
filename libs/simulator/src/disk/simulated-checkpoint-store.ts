import { InvariantViolation, type LogPosition, type SnapshotMeta } from '@latchkey/raft';
import {
  LogStoreError,
  type Checkpoint,
  type CheckpointStore,
  type CheckpointView,
  type SnapshotInstallation,
  type SnapshotStaging,
  type StateRow,
  type StateRowChange,
} from '@latchkey/replica';
import type { DiskAccess } from './disk-access.js';
import { rowKeyOf, type DiskImage } from './disk-image.js';

/** The checkpoints of one process, on the same disk as its log. */
export class SimulatedCheckpointStore implements CheckpointStore {
  private staging: Staging | null = null;

  constructor(private readonly access: DiskAccess) {}

  async save({ meta, changes }: Checkpoint): Promise<void> {
    const taken: StateRowChange[] = [];
    for (const page of changes) {
      // Between two pages others get their turn, as with a real store.
      if (taken.length > 0) await this.access.read(() => undefined);
      for (const { key, value } of page) taken.push({ key: key.slice(), value: value === null ? null : value.slice() });
    }
    await this.access.write('save', () => {
      const { checkpointIndex, lastIndex } = this.image;
      this.assert(meta.index >= checkpointIndex, `checkpoint ${meta.index} is older than ${checkpointIndex}`);
      this.assert(meta.index <= lastIndex, `checkpoint ${meta.index} is beyond the log, which ends at ${lastIndex}`);
      this.access.world.onCheckpoint(this.image.save(meta, taken));
    });
  }

  readRows(keys: readonly Uint8Array[]): Promise<readonly (Uint8Array | null)[]> {
    return this.access.read(() =>
      keys.map((key) => {
        const name = rowKeyOf(key);
        assertWhole(this.image, name);
        return this.image.rowAt(name)?.value.slice() ?? null;
      }),
    );
  }

  openView(): Promise<CheckpointView | null> {
    return this.access.read(() => {
      const { checkpoint } = this.image;
      return checkpoint === null ? null : new View(this.access, checkpoint);
    });
  }

  compactLog(base: LogPosition): Promise<void> {
    return this.access.write('compact', () => {
      const { checkpointIndex } = this.image;
      this.assert(
        base.index <= checkpointIndex,
        `compaction to ${base.index}, the checkpoint is at ${checkpointIndex}`,
      );
      const written = this.image.compact(base);
      if (written !== null) this.access.world.onCheckpoint(written);
    });
  }

  stageSnapshot(snapshot: SnapshotMeta): Promise<SnapshotStaging> {
    return this.access.read(() => {
      void this.staging?.discard();
      this.staging = new Staging(this.access, snapshot);
      return this.staging;
    });
  }

  installSnapshot({ staging, hardState, keepsTail }: SnapshotInstallation): Promise<void> {
    const { access } = this;
    return access.write('install', () => {
      const { snapshot: meta } = staging;
      this.assert(staging === this.staging, 'a snapshot was installed that is not staged');
      this.assert(meta.index >= this.image.checkpointIndex, 'a snapshot older than the checkpoint was installed');
      this.assert(!keepsTail || meta.index <= this.image.lastIndex, 'there is no tail to keep');
      const rows = this.staging?.takeRows() ?? new Map<string, StateRow>();
      this.staging = null;
      const chain = access.world.committedChainAt(meta.index);
      const { write, checkpoint } = this.image.install({ meta, rows, chain, hardState, keepsTail });
      access.world.onWritten(write);
      access.world.onCheckpoint(checkpoint);
    });
  }

  /** What the driver promises to the port; a disk that has lied is no judge of it. */
  private assert(isKept: boolean, otherwise: string): void {
    if (!isKept && !this.access.isLying) throw new InvariantViolation(otherwise);
  }

  private get image(): DiskImage {
    return this.access.disk.image;
  }
}

/** @throws LogStoreError corrupt */
function assertWhole({ damage }: DiskImage, name: string): void {
  if (damage?.type !== 'row' || damage.key !== name) return;
  throw new LogStoreError('corrupt', 'a row of the checkpoint is not what was written');
}

/** The rows of the moment at which it was opened. */
class View implements CheckpointView {
  private readonly rows: readonly [string, StateRow][];
  private position = 0;

  constructor(
    private readonly access: DiskAccess,
    readonly meta: SnapshotMeta,
  ) {
    this.rows = access.disk.image.sortedRows();
  }

  nextPage(maxBytes: number): Promise<readonly StateRow[] | null> {
    return this.access.read(() => {
      const page: StateRow[] = [];
      for (let byteCount = 0; byteCount < maxBytes;) {
        const [name, row] = this.rows[this.position] ?? [];
        if (row === undefined || name === undefined) break;
        assertWhole(this.access.disk.image, name);
        this.position += 1;
        byteCount += row.key.byteLength + row.value.byteLength;
        page.push({ key: row.key.slice(), value: row.value.slice() });
      }
      return page.length === 0 ? null : page;
    });
  }

  async close(): Promise<void> {}
}

class Staging implements SnapshotStaging {
  private rows: Map<string, StateRow> | null = new Map();

  constructor(
    private readonly access: DiskAccess,
    readonly snapshot: SnapshotMeta,
  ) {}

  append(rows: readonly StateRow[]): Promise<void> {
    const copies = rows.map(({ key, value }) => ({ key: key.slice(), value: value.slice() }));
    return this.access.read(() => {
      const { queue } = this.access.world;
      const isFull = queue.nowMs < this.access.disk.health.fullUntilMs;
      if (isFull || this.rows === null) throw new LogStoreError('unavailable', 'the rows cannot be staged now');
      for (const row of copies) this.rows.set(rowKeyOf(row.key), row);
    });
  }

  async discard(): Promise<void> {
    this.rows = null;
  }

  takeRows(): Map<string, StateRow> | null {
    const { rows } = this;
    this.rows = null;
    return rows;
  }
}
