import { LogStoreError, type StateRow } from '@latchkey/replica';
import type { ClientBase } from 'pg';
import { checksumOfRow, totalsOf, type RowTotals } from './row-totals.js';
import { safeIntegerFrom } from './safe-integer.js';
import { PAGE_TABLE, ROW_TABLE } from './schema-names.js';

/** Rows of one generation in key order, each of which fits its checksum. */
export type RowPage = {
  readonly rows: readonly StateRow[];
  readonly byteCount: number;
  readonly totals: RowTotals;
  readonly lastKey: Buffer;
};

/** Bounds a page whose rows are tiny, and what the server looks at for it. */
const MAX_PAGE_ROWS = 5_000;
const MIN_PAGE_ROWS = 16;
const SHOWN_KEY_BYTES = 32;

/**
 * The rows in front of a row must leave room for it, so at least one comes, and at most one is too much. Pages do not overlap,
 * so that the rows of the first of them are the first rows. What lacks a part of itself does not fit its checksum.
 */
const pageQuery = (name: string, isBehind: '>' | '>=') => ({
  name,
  rowMode: 'array' as const,
  text: `
    SELECT key, value, checksum
    FROM (
      SELECT key, value, checksum, octet_length(key) + octet_length(value) AS byte_count,
             sum(octet_length(key) + octet_length(value)) OVER (ORDER BY key ROWS UNBOUNDED PRECEDING) AS byte_sum
      FROM (
        (SELECT key, value, checksum
         FROM ${ROW_TABLE} WHERE generation = $1 AND key ${isBehind} $2 ORDER BY key LIMIT $3)
        UNION ALL
        (SELECT r.key, coalesce(r.value, ''), coalesce(r.checksum, -1)
         FROM (SELECT * FROM ${PAGE_TABLE} WHERE generation = $1 AND last_key ${isBehind} $2
               ORDER BY last_key LIMIT $3) AS p
         CROSS JOIN LATERAL unnest(p.row_keys, p.row_values, p.row_checksums) AS r(key, value, checksum)
         WHERE r.key ${isBehind} $2 ORDER BY p.last_key, r.key LIMIT $3)
      ) AS either
      ORDER BY key LIMIT $3) AS page
    WHERE byte_sum - byte_count < $4
    ORDER BY key`,
});
/** The empty key is a key. */
const FIRST_PAGE = pageQuery('latchkey-view-first-2', '>=');
const NEXT_PAGE = pageQuery('latchkey-view-next-2', '>');

/**
 * The rows after the key `after`, or the first ones; null when there are none.
 * @throws LogStoreError corrupt, naming the row
 */
export async function readRowPage(
  client: ClientBase,
  { generation, after }: { readonly generation: number; readonly after: Buffer | null },
  { maxRows, maxBytes }: { readonly maxRows: number; readonly maxBytes: number },
): Promise<RowPage | null> {
  const query = after === null ? FIRST_PAGE : NEXT_PAGE;
  const values = [generation, after ?? Buffer.alloc(0), maxRows, maxBytes];
  const { rows: found } = await client.query<[Buffer, Buffer, string]>({ ...query, values });
  const last = found.at(-1);
  if (last === undefined) return null;
  let byteCount = 0;
  const checksums: number[] = [];
  const rows = found.map(([key, value, checksumText]) => {
    const checksum = safeIntegerFrom(checksumText, 'the checksum of a row of the state');
    if (checksumOfRow(key, value) !== checksum) {
      throw new LogStoreError('corrupt', `the checkpoint is damaged: its row ${nameOf(key)} does not fit its checksum`);
    }
    checksums.push(checksum);
    byteCount += key.length + value.length;
    return { key, value };
  });
  return { rows, byteCount, totals: totalsOf(checksums), lastKey: last[0] };
}

/** As many rows as should fit, by those of the page before. */
export function rowsForNextPage({ rows, byteCount }: RowPage, maxBytes: number): number {
  const fitting = Math.ceil((maxBytes * rows.length) / Math.max(1, byteCount)) + 1;
  return Math.min(MAX_PAGE_ROWS, Math.max(MIN_PAGE_ROWS, fitting));
}

function nameOf(key: Buffer): string {
  return `0x${key.subarray(0, SHOWN_KEY_BYTES).toString('hex')}${key.length > SHOWN_KEY_BYTES ? '…' : ''}`;
}
