import { invariant, type SnapshotMeta } from '@latchkey/raft';
import { LogStoreError, type SnapshotStaging, type StateRow } from '@latchkey/replica';
import type { ClientBase } from 'pg';
import { refusalOf, type Writer } from './checkpoint-save.js';
import { batchesOf } from './row-batches.js';
import { RowBytes } from './row-bytes.js';
import { NO_ROWS, plus, type RowTotals } from './row-totals.js';
import { stageRows } from './row-writer.js';
import { PagesEnd } from './state-pages.js';
import { dropGeneration } from './state-waste.js';

/** Runs on the checkpoints' connection, when it is this call's turn. */
export type RunStatements = (work: (client: ClientBase, writer: Writer) => Promise<void>) => Promise<void>;

/**
 * Rows under the number of a generation that is not the state yet. Each append is durable on its own: what makes them the
 * state is one number in the checkpoint's row. A number is never given twice, so nothing that a broken append or an older
 * process may have left can get in.
 */
export class PostgresStaging implements SnapshotStaging {
  private rowTotals: RowTotals = NO_ROWS;
  private readonly pagesEnd = new PagesEnd();
  private readonly rowBytes = new RowBytes();
  private condition: 'open' | 'broken' | 'installed' | 'discarded' = 'open';

  constructor(
    readonly snapshot: SnapshotMeta,
    readonly generation: number,
    private readonly run: RunStatements,
  ) {}

  get totals(): RowTotals {
    return this.rowTotals;
  }

  get isInUse(): boolean {
    return this.condition !== 'discarded';
  }

  async append(rows: readonly StateRow[]): Promise<void> {
    if (this.condition !== 'open') throw new LogStoreError('unavailable', `the staging is ${this.condition}`);
    // Unless it succeeds: some of the rows may be there.
    this.condition = 'broken';
    await this.run(async (client, writer) => {
      const { pagesEnd, rowBytes } = this;
      const place = { generation: this.generation, epoch: writer.epoch };
      for (const batch of batchesOf([rows])) {
        const added = await stageRows(client, place, { rows: batch, pagesEnd, rowBytes });
        if (added === null) throw await refusalOf(client, writer);
        this.rowTotals = plus(this.rowTotals, added);
      }
    });
    this.condition = 'open';
  }

  /** Before the installation is tried: whatever comes of it, these rows may be the state from now on. */
  close(): void {
    invariant(this.condition === 'open', `a snapshot was installed whose staging is ${this.condition}`);
    this.condition = 'installed';
  }

  /** The store that it was for is no more; its rows are waste. */
  abandon(): void {
    this.condition = 'discarded';
  }

  async discard(): Promise<void> {
    if (this.condition === 'discarded' || this.condition === 'installed') return;
    this.condition = 'discarded';
    await this.run((client) => dropGeneration(client, this.generation));
  }
}
