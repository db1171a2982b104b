import {
  LogStoreError,
  type Checkpoint,
  type CheckpointStore,
  type CheckpointView,
  type Clock,
  type DurableState,
  type LogStore,
  type PersistBatch,
  type SnapshotInstallation,
  type SnapshotStaging,
} from '@latchkey/replica';
import type { LogPosition, SnapshotMeta } from '@latchkey/raft';

/** The life of one process. A write that has not begun when it ends is never made. */
export class ProcessLife {
  hasEnded = false;

  constructor(
    private readonly clock: Clock,
    private readonly writeDelayMs: number,
  ) {}

  end(): void {
    this.hasEnded = true;
  }

  assertAlive(): void {
    if (this.hasEnded) throw new LogStoreError('fenced', 'the process has crashed, as the story tells');
  }

  async write<Result>(write: () => Promise<Result>): Promise<Result> {
    this.assertAlive();
    if (this.writeDelayMs > 0) await new Promise<void>((resolve) => this.clock.setTimer(this.writeDelayMs, resolve));
    this.assertAlive();
    const result = await write();
    // Durable, but there is nobody left who could hear of it.
    this.assertAlive();
    return result;
  }
}

export class MortalLogStore implements LogStore {
  constructor(
    private readonly inner: LogStore,
    private readonly life: ProcessLife,
  ) {}

  load(): Promise<DurableState> {
    return this.life.write(() => this.inner.load());
  }

  persist(batch: PersistBatch): Promise<void> {
    return this.life.write(() => this.inner.persist(batch));
  }

  close(): Promise<void> {
    return this.inner.close();
  }
}

export class MortalCheckpointStore implements CheckpointStore {
  constructor(
    private readonly inner: CheckpointStore,
    private readonly life: ProcessLife,
  ) {}

  save(checkpoint: Checkpoint): Promise<void> {
    return this.life.write(() => this.inner.save(checkpoint));
  }

  async readRows(keys: readonly Uint8Array[]): Promise<readonly (Uint8Array | null)[]> {
    this.life.assertAlive();
    return this.inner.readRows(keys);
  }

  async openView(): Promise<CheckpointView | null> {
    this.life.assertAlive();
    return this.inner.openView();
  }

  compactLog(base: LogPosition): Promise<void> {
    return this.life.write(() => this.inner.compactLog(base));
  }

  async stageSnapshot(snapshot: SnapshotMeta): Promise<SnapshotStaging> {
    this.life.assertAlive();
    return this.inner.stageSnapshot(snapshot);
  }

  installSnapshot(installation: SnapshotInstallation): Promise<void> {
    return this.life.write(() => this.inner.installSnapshot(installation));
  }
}
