import { setImmediate as nextTurn } from 'node:timers/promises';
import { invariant, type SnapshotMeta } from '@latchkey/raft';
import { LogStoreError, type CheckpointView, type StateRow } from '@latchkey/replica';
import { storeFailure } from './postgres-failure.js';
import { isSame, NO_ROWS, plus, type RowTotals } from './row-totals.js';
import { StateRowReader } from './state-row-reader.js';
import type { StoreConnection } from './store-connection.js';

export type Viewed = {
  readonly meta: SnapshotMeta;
  readonly generation: number;
  readonly totals: RowTotals;
};

/** Pages are small, for the sake of the event loop; for the sake of the database answers are not. */
const PAGES_PER_FETCH = 16;

/** One transaction with one snapshot of the database, on a connection of its own. The server ends it when it lies idle. */
export class PostgresCheckpointView implements CheckpointView {
  private readonly reader: StateRowReader;
  private seen: RowTotals = NO_ROWS;
  /** Asked for while the page before is being used, so that the database and this process work at the same time. */
  private ahead: Promise<readonly StateRow[] | null> | null = null;
  private isReading = false;
  private isClosed = false;

  constructor(
    private readonly connection: StoreConnection,
    private readonly viewed: Viewed,
    private readonly database: string,
  ) {
    this.reader = new StateRowReader(connection.client, viewed.generation, PAGES_PER_FETCH);
  }

  get meta(): SnapshotMeta {
    return this.viewed.meta;
  }

  /** Whether it holds a connection and a snapshot of the database. */
  get isOpen(): boolean {
    return !this.isClosed && this.connection.lostReason === null;
  }

  async nextPage(maxBytes: number): Promise<readonly StateRow[] | null> {
    invariant(!this.isClosed, 'a closed view was read');
    invariant(!this.isReading, 'a view was read by two');
    this.isReading = true;
    try {
      const page = await (this.ahead ?? this.read(maxBytes));
      this.ahead = page === null ? Promise.resolve(null) : this.read(maxBytes);
      // Whoever asks for it hears of a failure; nobody may.
      this.ahead.catch(() => undefined);
      return page;
    } catch (error) {
      throw storeFailure(error, { stage: 'reading', database: this.database });
    } finally {
      this.isReading = false;
    }
  }

  /** Ends it under whoever reads it, who is told that it is unavailable. */
  lose(): void {
    this.connection.destroy();
  }

  async close(): Promise<void> {
    if (this.isClosed) return;
    this.isClosed = true;
    await this.connection.end();
  }

  private async read(maxBytes: number): Promise<readonly StateRow[] | null> {
    // Several pages may have been fetched: each is taken apart in a turn of its own.
    await nextTurn();
    const page = await this.reader.nextPage(maxBytes);
    if (page === null) return this.end();
    this.seen = plus(this.seen, page.totals);
    return page.rows;
  }

  private end(): null {
    const { totals } = this.viewed;
    if (isSame(this.seen, totals)) return null;
    throw damaged(`it has ${this.seen.count} rows with another sum than the ${totals.count} that were written`);
  }
}

function damaged(how: string): LogStoreError {
  return new LogStoreError('corrupt', `the checkpoint is damaged: ${how}`);
}
