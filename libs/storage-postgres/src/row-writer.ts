import { setImmediate as nextTurn } from 'node:timers/promises';
import type { StateRow, StateRowChange } from '@latchkey/replica';
import type { ClientBase } from 'pg';
import { bigintArray, byteaArray } from './binary-array.js';
import { GoneKeys } from './gone-keys.js';
import { MAX_STATEMENT_ROWS } from './row-batches.js';
import { RowBytes } from './row-bytes.js';
import { checksumOfRow, minus, NO_ROWS, plus, totalsOf, type RowTotals } from './row-totals.js';
import { safeIntegerFrom } from './safe-integer.js';
import { CHECKPOINT_TABLE, ROW_TABLE } from './schema-names.js';
import { appendPages, isPaged, readPagesEnd, removeFromPages, type PagesEnd } from './state-pages.js';

/** Where rows are written: a generation, under the claim of an epoch. */
export type RowPlace = { readonly generation: number; readonly epoch: number };

/** What the rows of the generation come to now, and how many of them have left pages. */
export type WrittenRows = { readonly totals: RowTotals; readonly sweptCount: number };

/** What the rows that went, or were replaced, came to. */
type GoneColumns = { readonly count: string; readonly sum: string };

const GONE = `count(gone)::text AS count, coalesce(sum(gone), 0)::text AS sum`;

const UPSERT = {
  name: 'latchkey-rows-upsert-1',
  text: `
    WITH written AS (
      INSERT INTO ${ROW_TABLE} AS held (generation, key, value, checksum)
      SELECT $1, r.key, r.value, r.checksum
      FROM unnest($2::bytea[], $3::bytea[], $4::bigint[]) AS r(key, value, checksum)
      ON CONFLICT (generation, key) DO UPDATE
      SET value = excluded.value, checksum = excluded.checksum, replaced_checksum = held.checksum
      RETURNING replaced_checksum AS gone)
    SELECT ${GONE} FROM written`,
};

const REMOVE = {
  name: 'latchkey-rows-remove-1',
  text: `
    WITH removed AS (
      DELETE FROM ${ROW_TABLE} WHERE generation = $1 AND key = ANY($2::bytea[]) RETURNING checksum AS gone)
    SELECT ${GONE} FROM removed`,
};

/** A process that was fenced must not add to what may be another's staging by now. */
const STAGE = {
  name: 'latchkey-rows-stage-1',
  text: `
    INSERT INTO ${ROW_TABLE} (generation, key, value, checksum)
    SELECT $1, r.key, r.value, r.checksum
    FROM unnest($2::bytea[], $3::bytea[], $4::bigint[]) AS r(key, value, checksum)
    WHERE EXISTS (SELECT FROM ${CHECKPOINT_TABLE} WHERE epoch = $5)`,
};

/**
 * Keys to take out of pages in one statement. Those that go together lie scattered over many pages, each of which is looked
 * at, and perhaps written anew, by every statement: one for a whole checkpoint is best.
 */
const MAX_PAGE_REMOVALS = 65_536;

/** Brings the rows of a generation from what one checkpoint says to what the next says, in one transaction. */
export class RowWriter {
  private pagesEnd: PagesEnd | null = null;
  private goneFromPages = new GoneKeys();
  private sweptCount = 0;
  private readonly rowBytes = new RowBytes();

  /** @param totals what the rows of the generation come to */
  constructor(
    private readonly client: ClientBase,
    private readonly place: RowPlace,
    private totals: RowTotals,
  ) {}

  /** @returns false when the claim is not the last one any more */
  async write(changes: readonly StateRowChange[]): Promise<boolean> {
    const removed: Uint8Array[] = [];
    const upserted: StateRow[] = [];
    const appended: StateRow[] = [];
    const repeated: Uint8Array[] = [];
    const goneFromPages: Uint8Array[] = [];
    this.pagesEnd ??= await readPagesEnd(this.client, this.place.generation);
    for (const change of changes) {
      const { key } = change;
      if (!isRow(change)) (isPaged(key) ? goneFromPages : removed).push(key);
      else if (this.pagesEnd.takes(key)) appended.push(change);
      else {
        if (isPaged(key)) repeated.push(key);
        upserted.push(change);
      }
    }
    // The same checkpoint once more, after nobody could say whether it was saved.
    if (repeated.length > 0) await this.removeRepeated(repeated);
    this.goneFromPages.add(goneFromPages);
    await this.remove(removed);
    await this.upsert(upserted);
    if (this.goneFromPages.keys.length >= MAX_PAGE_REMOVALS) await this.removePaged();
    // Keys that go are only gathered: a hundred thousand of them must not keep the event loop from everything else.
    if (upserted.length + removed.length + appended.length === 0) await nextTurn();
    if (appended.length === 0) return true;
    const added = await appendPages(this.client, this.place, appended, this.rowBytes);
    this.totals = plus(this.totals, added ?? NO_ROWS);
    return added !== null;
  }

  async finish(): Promise<WrittenRows> {
    await this.removePaged();
    return { totals: this.totals, sweptCount: this.sweptCount };
  }

  private async removePaged(): Promise<void> {
    const { goneFromPages } = this;
    const { keys } = goneFromPages;
    if (keys.length === 0) return;
    this.goneFromPages = new GoneKeys();
    const gone = await removeFromPages(this.client, this.place.generation, goneFromPages);
    this.subtract(gone);
    this.sweptCount += gone.count;
    if (gone.count === keys.length) return;
    for (let start = 0; start < keys.length; start += MAX_STATEMENT_ROWS) {
      await this.remove(keys.slice(start, start + MAX_STATEMENT_ROWS));
    }
  }

  private async removeRepeated(keys: readonly Uint8Array[]): Promise<void> {
    const repeated = new GoneKeys();
    repeated.add(keys);
    this.subtract(await removeFromPages(this.client, this.place.generation, repeated));
  }

  private async remove(keys: readonly Uint8Array[]): Promise<void> {
    if (keys.length === 0) return;
    const values = [this.place.generation, byteaArray(keys)];
    this.subtract(goneOf((await this.client.query<GoneColumns>({ ...REMOVE, values })).rows[0]));
  }

  private async upsert(rows: readonly StateRow[]): Promise<void> {
    if (rows.length === 0) return;
    const { values, added } = rowValues(this.place.generation, rows);
    this.subtract(goneOf((await this.client.query<GoneColumns>({ ...UPSERT, values })).rows[0]));
    this.totals = plus(this.totals, added);
  }

  private subtract(gone: RowTotals): void {
    this.totals = minus(this.totals, gone);
  }
}

const isRow = (change: StateRowChange): change is StateRow => change.value !== null;

/**
 * Rows whose keys are new in the generation.
 * @param pagesEnd of what was staged before
 * @returns what they come to; null when the claim is not the last one any more
 */
export async function stageRows(
  client: ClientBase,
  place: RowPlace,
  {
    rows,
    pagesEnd,
    rowBytes,
  }: { readonly rows: readonly StateRow[]; readonly pagesEnd: PagesEnd; readonly rowBytes: RowBytes },
): Promise<RowTotals | null> {
  const appended: StateRow[] = [];
  const others: StateRow[] = [];
  for (const row of rows) (pagesEnd.takes(row.key) ? appended : others).push(row);
  const paged = appended.length === 0 ? NO_ROWS : await appendPages(client, place, appended, rowBytes);
  if (paged === null || others.length === 0) return paged;
  const { values, added } = rowValues(place.generation, others);
  const { rowCount } = await client.query({ ...STAGE, values: [...values, place.epoch] });
  return rowCount === others.length ? plus(paged, added) : null;
}

function rowValues(
  generation: number,
  rows: readonly StateRow[],
): { readonly values: readonly unknown[]; readonly added: RowTotals } {
  const checksums = rows.map(({ key, value }) => checksumOfRow(key, value));
  const keys = byteaArray(rows.map(({ key }) => key));
  const values = byteaArray(rows.map(({ value }) => value));
  return { values: [generation, keys, values, bigintArray(checksums)], added: totalsOf(checksums) };
}

function goneOf(columns: GoneColumns | undefined): RowTotals {
  return {
    count: safeIntegerFrom(columns?.count, 'a number of rows'),
    sum: safeIntegerFrom(columns?.sum, 'a sum of checksums'),
  };
}
