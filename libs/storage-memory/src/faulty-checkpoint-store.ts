import type { LogPosition, SnapshotMeta } from '@latchkey/raft';
import {
  LogStoreError,
  type Checkpoint,
  type CheckpointStore,
  type CheckpointView,
  type LogStoreErrorCode,
  type SnapshotInstallation,
  type SnapshotStaging,
} from '@latchkey/replica';

type Fault = {
  readonly code: LogStoreErrorCode;
  /** Whether the call had its effect all the same, as after an answer that was lost. */
  readonly isWritten: boolean;
};

/** A checkpoint store whose faults a test arranges; without any it behaves like the one inside. */
export class FaultyCheckpointStore implements CheckpointStore {
  /** Checkpoints given to the store inside, in order. */
  readonly savedCheckpoints: SnapshotMeta[] = [];
  private readonly faults = new Map<keyof CheckpointStore, Fault[]>();
  private stalled: Promise<void> | null = null;
  private endStall: () => void = () => undefined;

  constructor(private readonly inner: CheckpointStore) {}

  /** One call of `method` fails. Several queue up. */
  failNext(method: keyof CheckpointStore, fault: Fault): void {
    const faults = this.faults.get(method) ?? [];
    this.faults.set(method, [...faults, fault]);
  }

  /** From now on every `save` waits, unwritten, for `release`. */
  stallSaves(): void {
    this.stalled = new Promise((resolve) => {
      this.endStall = resolve;
    });
  }

  release(): void {
    this.endStall();
    this.stalled = null;
  }

  async save(checkpoint: Checkpoint): Promise<void> {
    if (this.stalled !== null) await this.stalled;
    await this.withFault('save', async () => {
      await this.inner.save(checkpoint);
      this.savedCheckpoints.push(checkpoint.meta);
    });
  }

  readRows(keys: readonly Uint8Array[]): Promise<readonly (Uint8Array | null)[]> {
    return this.withFault('readRows', () => this.inner.readRows(keys));
  }

  openView(): Promise<CheckpointView | null> {
    return this.withFault('openView', () => this.inner.openView());
  }

  compactLog(base: LogPosition): Promise<void> {
    return this.withFault('compactLog', () => this.inner.compactLog(base));
  }

  stageSnapshot(snapshot: SnapshotMeta): Promise<SnapshotStaging> {
    return this.withFault('stageSnapshot', () => this.inner.stageSnapshot(snapshot));
  }

  installSnapshot(installation: SnapshotInstallation): Promise<void> {
    return this.withFault('installSnapshot', () => this.inner.installSnapshot(installation));
  }

  private async withFault<Result>(method: keyof CheckpointStore, call: () => Promise<Result>): Promise<Result> {
    const fault = this.faults.get(method)?.shift();
    if (fault === undefined) return call();
    if (fault.isWritten) await call();
    throw new LogStoreError(fault.code, `${method} fails, as the test arranged`);
  }
}
