import { LogStoreError, type StateRow } from '@latchkey/replica';
import type { ClientBase } from 'pg';
import { CopiedTuples } from './copied-tuples.js';
import { copyOut } from './copy-out.js';
import { checksumOfRow } from './row-totals.js';

/** How one of the tables of the state is read: as tuples, each of which has one or more rows. */
export type RowTable = {
  /** Of tuples of a generation behind a key, or from the first; about as many as have so many bytes, at least one if there is one. */
  readonly query: (place: TuplePlace, limits: TupleLimits) => string;
  readonly fieldCount: number;
  /** @returns where to go on */
  readonly read: (tuples: CopiedTuples, add: (key: Buffer, value: Buffer, checksum: number) => void) => Buffer;
};

export type TuplePlace = { readonly generation: number; readonly after: Buffer | null };
export type TupleLimits = { readonly maxTuples: number; readonly maxBytes: number };

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

/** Rows of one of the tables, fetched some at a time. Each fits its checksum. */
export class RowSource {
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

  /** Whether `fetch` might find more. */
  get isEmpty(): boolean {
    return !this.isAtEnd && this.position === this.rows.length;
  }

  /** Null when there is none, or none yet. */
  get nextKey(): Uint8Array | null {
    return this.rows[this.position]?.row.key ?? null;
  }

  take(): CheckedRow {
    const next = this.rows[this.position];
    if (next === undefined) throw new RangeError('no row is left');
    this.position += 1;
    return next;
  }

  /** Until there is a row, or the end. @throws LogStoreError corrupt, naming the row */
  async fetch(maxBytes: number): Promise<void> {
    while (this.isEmpty) await this.fetchSome(maxBytes);
  }

  private async fetchSome(maxBytes: number): Promise<void> {
    const place = { generation: this.generation, after: this.after };
    const query = this.table.query(place, { maxTuples: this.maxTuples, maxBytes });
    const expectedBytes = Math.ceil(maxBytes * (1 + FRAMING)) + SPARE_BYTES;
    const bytes = await copyOut(this.client, query, expectedBytes);
    const tuples = new CopiedTuples(bytes);
    const rows: CheckedRow[] = [];
    const add = (key: Buffer, value: Buffer, checksum: number): void => {
      rows.push({ row: checkedRow(key, value, checksum), checksum });
    };
    let tupleCount = 0;
    for (; tuples.next(this.table.fieldCount); tupleCount += 1) this.after = this.table.read(tuples, add);
    this.rows = rows;
    this.position = 0;
    this.isAtEnd = tupleCount === 0;
    const fitting = Math.ceil((maxBytes * tupleCount) / bytes.length) + 1;
    this.maxTuples = Math.min(MAX_TUPLES, Math.max(MIN_TUPLES, fitting));
  }
}

function checkedRow(key: Buffer, value: Buffer, checksum: number): StateRow {
  if (checksumOfRow(key, value) === checksum) return { key, value };
  throw new LogStoreError('corrupt', `the checkpoint is damaged: its row ${nameOf(key)} does not fit its checksum`);
}

function nameOf(key: Buffer): string {
  return `0x${key.subarray(0, SHOWN_KEY_BYTES).toString('hex')}${key.length > SHOWN_KEY_BYTES ? '…' : ''}`;
}
