import {
  LogStoreError,
  type DurableState,
  type LogStore,
  type LogStoreErrorCode,
  type PersistBatch,
} from '@latchkey/replica';

type PersistFault = { readonly code: LogStoreErrorCode; readonly isWritten: boolean };

/** A log store whose faults a test arranges; without any it behaves like the one inside. */
export class FaultyLogStore implements LogStore {
  /** Batches given to the store inside, in order. */
  readonly writtenBatches: PersistBatch[] = [];
  loadCount = 0;
  private readonly persistFaults: PersistFault[] = [];
  private readonly loadFaults: LogStoreErrorCode[] = [];
  private lostCount = 0;
  private stalled: Promise<void> | null = null;
  private endStall: () => void = () => undefined;

  constructor(private readonly inner: LogStore) {}

  /** One `persist` fails, with its batch written before or not. Several calls queue up. */
  failNextPersist(fault: PersistFault): void {
    this.persistFaults.push(fault);
  }

  /** One `load` fails. Several calls queue up. */
  failNextLoad(code: LogStoreErrorCode): void {
    this.loadFaults.push(code);
  }

  /** One `persist` says that it is durable and writes nothing: a disk that lies. */
  loseNextPersist(): void {
    this.lostCount += 1;
  }

  /** From now on every `persist` waits, unwritten, for `release`. */
  stall(): void {
    this.stalled = new Promise((resolve) => {
      this.endStall = resolve;
    });
  }

  release(): void {
    this.endStall();
    this.stalled = null;
  }

  async load(): Promise<DurableState> {
    this.loadCount += 1;
    const code = this.loadFaults.shift();
    if (code !== undefined) throw new LogStoreError(code, 'a load fails, as the test arranged');
    return this.inner.load();
  }

  async persist(batch: PersistBatch): Promise<void> {
    if (this.stalled !== null) await this.stalled;
    const fault = this.persistFaults.shift();
    if (fault?.isWritten === false) throw arrangedError(fault);
    if (this.lostCount > 0) {
      this.lostCount -= 1;
      return;
    }
    await this.inner.persist(batch);
    this.writtenBatches.push(batch);
    if (fault !== undefined) throw arrangedError(fault);
  }

  close(): Promise<void> {
    return this.inner.close();
  }
}

function arrangedError({ code, isWritten }: PersistFault): LogStoreError {
  return new LogStoreError(
    code,
    `a persist fails ${isWritten ? 'after' : 'before'} it is written, as the test arranged`,
  );
}
