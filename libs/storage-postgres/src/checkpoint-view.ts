import { invariant, type SnapshotMeta } from '@latchkey/raft';
import { LogStoreError, type CheckpointView, type StateRow } from '@latchkey/replica';
import { checksumOfRow, isSame, NO_ROWS, plus, totalsOf, type RowTotals } from './row-totals.js';
import { safeIntegerFrom } from './safe-integer.js';
import { ROW_TABLE } from './schema-names.js';
import { storeFailure } from './postgres-failure.js';
import type { StoreConnection } from './store-connection.js';

/** Bounds a page whose rows are tiny, and what the server looks at for it. */
const MAX_PAGE_ROWS = 5_000;
const MIN_PAGE_ROWS = 16;
const FIRST_PAGE_ROWS = 256;
const SHOWN_KEY_BYTES = 32;

/** The rows in front of a row must leave room for it, so at least one comes, and at most one is too much. */
const pageQuery = (name: string, isBehind: '>' | '>=') => ({
  name,
  rowMode: 'array' as const,
  text: `
    SELECT key, value, checksum
    FROM (
      SELECT key, value, checksum, octet_length(key) + octet_length(value) AS byte_count,
             sum(octet_length(key) + octet_length(value)) OVER (ORDER BY key ROWS UNBOUNDED PRECEDING) AS byte_sum
      FROM ${ROW_TABLE} WHERE generation = $1 AND key ${isBehind} $2 ORDER BY key LIMIT $3) AS page
    WHERE byte_sum - byte_count < $4
    ORDER BY key`,
});
/** The empty key is a key. */
const FIRST_PAGE = pageQuery('latchkey-view-first-1', '>=');
const NEXT_PAGE = pageQuery('latchkey-view-next-1', '>');

export type Viewed = {
  readonly meta: SnapshotMeta;
  readonly generation: number;
  readonly totals: RowTotals;
};

/** One transaction with one snapshot of the database, on a connection of its own. The server ends it when it lies idle. */
export class PostgresCheckpointView implements CheckpointView {
  private lastKey: Buffer | null = null;
  private pageRows = FIRST_PAGE_ROWS;
  private seen: RowTotals = NO_ROWS;
  /** Asked for while the page before is being used, so that the database and this process work at the same time. */
  private ahead: Promise<readonly StateRow[] | null> | null = null;
  private isReading = false;
  private isClosed = false;

  constructor(
    private readonly connection: StoreConnection,
    private readonly viewed: Viewed,
    private readonly database: string,
  ) {}

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

  async close(): Promise<void> {
    if (this.isClosed) return;
    this.isClosed = true;
    await this.connection.end();
  }

  private async read(maxBytes: number): Promise<readonly StateRow[] | null> {
    const page = this.lastKey === null ? FIRST_PAGE : NEXT_PAGE;
    const values = [this.viewed.generation, this.lastKey ?? Buffer.alloc(0), this.pageRows, maxBytes];
    const { rows: found } = await this.connection.client.query<[Buffer, Buffer, string]>({ ...page, values });
    const last = found.at(-1);
    if (last === undefined) return this.end();
    let byteCount = 0;
    const checksums: number[] = [];
    const rows = found.map(([key, value, checksumText]) => {
      const checksum = safeIntegerFrom(checksumText, 'the checksum of a row of the state');
      if (checksumOfRow(key, value) !== checksum) throw damaged(`its row ${nameOf(key)} does not fit its checksum`);
      checksums.push(checksum);
      byteCount += key.length + value.length;
      return { key, value };
    });
    this.seen = plus(this.seen, totalsOf(checksums));
    this.lastKey = last[0];
    const fitting = Math.ceil((maxBytes * rows.length) / Math.max(1, byteCount)) + 1;
    this.pageRows = Math.min(MAX_PAGE_ROWS, Math.max(MIN_PAGE_ROWS, fitting));
    return rows;
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

function nameOf(key: Buffer): string {
  return `0x${key.subarray(0, SHOWN_KEY_BYTES).toString('hex')}${key.length > SHOWN_KEY_BYTES ? '…' : ''}`;
}
