import type { StateRow, StateRowChange } from '@latchkey/replica';
import type { ClientBase } from 'pg';
import { bigintArray, byteaArray } from './binary-array.js';
import { checksumOfRow, minus, plus, totalsOf, type RowTotals } from './row-totals.js';
import { safeIntegerFrom } from './safe-integer.js';
import { CHECKPOINT_TABLE, ROW_TABLE } from './schema-names.js';

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

/** @returns what the rows of the generation come to afterwards, if they came to `before` */
export async function writeChanges(
  client: ClientBase,
  generation: number,
  { changes, before }: { readonly changes: readonly StateRowChange[]; readonly before: RowTotals },
): Promise<RowTotals> {
  const removed: Uint8Array[] = [];
  const rows: StateRow[] = [];
  for (const { key, value } of changes) {
    if (value === null) removed.push(key);
    else rows.push({ key, value });
  }
  let totals = before;
  if (removed.length > 0) {
    const result = await client.query<GoneColumns>({ ...REMOVE, values: [generation, byteaArray(removed)] });
    totals = minus(totals, goneOf(result.rows[0]));
  }
  if (rows.length > 0) {
    const { values, added } = rowValues(generation, rows);
    const result = await client.query<GoneColumns>({ ...UPSERT, values });
    totals = plus(minus(totals, goneOf(result.rows[0])), added);
  }
  return totals;
}

/** Rows whose keys are new in the generation. @returns what they come to; null when the claim is not the last one any more */
export async function stageRows(
  client: ClientBase,
  { generation, epoch }: { readonly generation: number; readonly epoch: number },
  rows: readonly StateRow[],
): Promise<RowTotals | null> {
  const { values, added } = rowValues(generation, rows);
  const { rowCount } = await client.query({ ...STAGE, values: [...values, epoch] });
  return rowCount === rows.length ? added : null;
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
