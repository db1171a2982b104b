import { LogStoreError, type StateRow } from '@latchkey/replica';
import type { ClientBase } from 'pg';
import { totalsOf, type RowTotals } from './row-totals.js';
import { RowSource } from './row-source.js';
import { STATE_PAGES, STATE_ROWS } from './row-tables.js';

/** Rows of one generation in key order, each of which fits its checksum. */
export type RowPage = {
  /** Views of what was read from the server. */
  readonly rows: readonly StateRow[];
  readonly byteCount: number;
  readonly totals: RowTotals;
};

/**
 * Reads the rows of a generation, from both tables, in the order of their keys. What the database does not do itself, since it
 * would have to take its pages apart and sort what is sorted already.
 */
export class StateRowReader {
  private readonly paged: RowSource;
  private readonly single: RowSource;
  private lastKey: Uint8Array | null = null;

  /** @param pagesPerFetch what an answer of the server may hold: asking costs both ends as much as some hundred rows */
  constructor(
    client: ClientBase,
    generation: number,
    private readonly pagesPerFetch: number,
  ) {
    this.paged = new RowSource(client, generation, STATE_PAGES);
    this.single = new RowSource(client, generation, STATE_ROWS);
  }

  /**
   * The next rows, at least one and at most one that is too much; null when there are none left.
   * @throws LogStoreError corrupt, naming the row
   */
  async nextPage(maxBytes: number): Promise<RowPage | null> {
    const rows: StateRow[] = [];
    const checksums: number[] = [];
    let byteCount = 0;
    while (byteCount < maxBytes) {
      if (!this.paged.goOn()) await this.paged.fetch(this.pagesPerFetch * maxBytes);
      if (!this.single.goOn()) await this.single.fetch(this.pagesPerFetch * maxBytes);
      const source = this.sourceOfNext();
      if (source === null) break;
      const { row, checksum } = source.take();
      this.assertInOrder(row);
      rows.push(row);
      checksums.push(checksum);
      byteCount += row.key.length + row.value.length;
    }
    return rows.length === 0 ? null : { rows, byteCount, totals: totalsOf(checksums) };
  }

  private sourceOfNext(): RowSource | null {
    const paged = this.paged.nextKey;
    const single = this.single.nextKey;
    if (paged === null) return single === null ? null : this.single;
    if (single === null) return this.paged;
    return Buffer.compare(paged, single) < 0 ? this.paged : this.single;
  }

  private assertInOrder({ key }: StateRow): void {
    if (this.lastKey !== null && Buffer.compare(this.lastKey, key) >= 0) {
      throw new LogStoreError('corrupt', 'the checkpoint is damaged: rows out of order, or one of them twice');
    }
    this.lastKey = key;
  }
}
