import { invariant } from '@latchkey/raft';
import { LogStoreError, type StateRow } from '@latchkey/replica';
import type { ClientBase } from 'pg';
import { CopiedTuples } from './copied-tuples.js';
import { copyOut } from './copy-out.js';
import { checksumOfRow } from './row-totals.js';

/** How one of the tables of the state is read: as tuples, each of which has one or more rows. */
export type RowTable = {
  readonly name: string;
  readonly columns: string;
  readonly columnCount: number;
  /** The column that tuples are in the order of. */
  readonly order: string;
  /** How long a tuple is, as an expression. */
  readonly byteCount: string;
  /** @returns where to go on: what the tuple has in the column `order` */
  readonly read: (tuples: CopiedTuples, add: (key: Buffer, value: Buffer, checksum: number) => void) => Buffer;
};

export type CheckedRow = { readonly row: StateRow; readonly checksum: number };

const FIRST_TUPLES = 64;
/** Bounds what the server looks at for one answer when rows are tiny. */
const MAX_TUPLES = 5_000;
const MIN_TUPLES = 8;
/** What lengths and checksums add to keys and values, when rows are small. */
const FRAMING = 0.25;
/** The tuple that is too much: a page. */
const SPARE_BYTES = 16 * 1024;
const SHOWN_KEY_BYTES = 32;

/** Rows of one of the tables. What was fetched is taken apart tuple by tuple, as rows are taken. Each fits its checksum. */
export class RowSource {
  private tuples: CopiedTuples | null = null;
  private byteCount = 0;
  private maxBytes = 0;
  private tupleCount = 0;
  private rows: CheckedRow[] = [];
  private position = 0;
  private after: Buffer | null = null;
  private maxTuples = FIRST_TUPLES;
  private isAtEnd = false;

  constructor(
    private readonly client: ClientBase,
    private readonly generation: number,
    private readonly table: RowTable,
  ) {}

  /** Goes on to the next row that was fetched; false when it is to be fetched first, true also at the end. */
  goOn(): boolean {
    return this.position < this.rows.length || this.isAtEnd || this.takeTuple();
  }

  /** Of the next row; null at the end. */
  get nextKey(): Uint8Array | null {
    return this.rows[this.position]?.row.key ?? null;
  }

  take(): CheckedRow {
    const next = this.rows[this.position];
    invariant(next !== undefined, 'a row was taken where none was left');
    this.position += 1;
    return next;
  }

  /** Until there is a row, or the end. @throws LogStoreError corrupt, naming the row */
  async fetch(maxBytes: number): Promise<void> {
    while (!this.goOn()) await this.fetchSome(maxBytes);
  }

  private async fetchSome(maxBytes: number): Promise<void> {
    const place = { generation: this.generation, after: this.after };
    const query = tuplesQuery(this.table, place, { maxTuples: this.maxTuples, maxBytes });
    const bytes = await copyOut(this.client, query, Math.ceil(maxBytes * (1 + FRAMING)) + SPARE_BYTES);
    this.tuples = new CopiedTuples(bytes, this.table.name);
    this.byteCount = bytes.length;
    this.maxBytes = maxBytes;
    this.tupleCount = 0;
  }

  /** Goes on to the rows of the next tuple that has any; false when what was fetched has none left, and there may be more. */
  private takeTuple(): boolean {
    const { tuples } = this;
    if (tuples === null) return false;
    this.rows = [];
    this.position = 0;
    while (this.rows.length === 0) {
      if (!tuples.next(this.table.columnCount)) {
        this.endOfFetched();
        return this.isAtEnd;
      }
      this.tupleCount += 1;
      this.after = this.table.read(tuples, this.add);
    }
    return true;
  }

  private readonly add = (key: Buffer, value: Buffer, checksum: number): void => {
    this.rows.push({ row: checkedRow(key, value, checksum), checksum });
  };

  /** The next ones are as many as fit, if they are as long as these. */
  private endOfFetched(): void {
    this.isAtEnd = this.tupleCount === 0;
    const fitting = Math.ceil((this.maxBytes * this.tupleCount) / this.byteCount) + 1;
    this.maxTuples = Math.min(MAX_TUPLES, Math.max(MIN_TUPLES, fitting));
    this.tuples = null;
  }
}

/** What is in front of a tuple must leave room for it, so at least one comes, and at most one is too much. */
function tuplesQuery(
  { name, columns, order, byteCount }: RowTable,
  { generation, after }: { readonly generation: number; readonly after: Buffer | null },
  { maxTuples, maxBytes }: { readonly maxTuples: number; readonly maxBytes: number },
): string {
  const behind = after === null ? '' : `AND ${order} > decode('${after.toString('hex')}', 'hex')`;
  return `
    SELECT ${columns}
    FROM (
      SELECT ${columns}, ${byteCount} AS byte_count, sum(${byteCount}) OVER (ORDER BY ${order} ROWS UNBOUNDED PRECEDING) AS byte_sum
      FROM (SELECT * FROM ${name} WHERE generation = ${generation} ${behind} ORDER BY ${order} LIMIT ${maxTuples}) AS first
    ) AS summed
    WHERE byte_sum - byte_count < ${maxBytes}
    ORDER BY ${order}`;
}

/** @throws LogStoreError corrupt, naming the row */
export function checkedRow(key: Buffer, value: Buffer, checksum: number): StateRow {
  if (checksumOfRow(key, value) === checksum) return { key, value };
  throw new LogStoreError('corrupt', `the checkpoint is damaged: its row ${nameOf(key)} does not fit its checksum`);
}

function nameOf(key: Buffer): string {
  return `0x${key.subarray(0, SHOWN_KEY_BYTES).toString('hex')}${key.length > SHOWN_KEY_BYTES ? '…' : ''}`;
}
