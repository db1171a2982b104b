import { LogStoreError } from '@latchkey/replica';
import type { ClientBase } from 'pg';
import { readRecord } from './checkpoint-record.js';
import { isSame, SUM_LIMIT } from './row-totals.js';
import { safeIntegerFrom } from './safe-integer.js';
import { PAGE_TABLE, ROW_TABLE } from './schema-names.js';

/** Going through millions of rows, one after the other. */
const SUM_TIMEOUT_MS = 10 * 60_000;

const SUM = `
  SELECT count(*)::text AS count, (coalesce(sum(checksum), 0) % ${SUM_LIMIT})::text AS sum
  FROM (
    SELECT checksum FROM ${ROW_TABLE} WHERE generation = $1
    UNION ALL
    SELECT r.checksum
    FROM ${PAGE_TABLE} p CROSS JOIN LATERAL unnest(p.row_keys, p.row_checksums) AS r(key, checksum)
    WHERE p.generation = $1 AND r.key IS NOT NULL) AS r(checksum)`;

/**
 * That no row of the checkpoint is missing and none is too many, by the rows' own checksums. One statement, because all
 * rows must be of one moment: saves go on meanwhile. With it a row is right if it fits its checksum at any time.
 * @returns how many rows there are
 * @throws LogStoreError corrupt
 */
export async function verifyRowTotals(
  client: ClientBase,
): Promise<{ readonly generation: number; readonly rowCount: number }> {
  await client.query(
    `BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = ${SUM_TIMEOUT_MS}`,
  );
  const { generation, totals } = (await readRecord(client)).record;
  // node-postgres' own limit for this one statement; its types do not know it.
  const query = { text: SUM, values: [generation], query_timeout: SUM_TIMEOUT_MS };
  const { rows } = await client.query<{ readonly count: string; readonly sum: string }>(query);
  await client.query('COMMIT');
  const found = {
    count: safeIntegerFrom(rows[0]?.count, 'a number of rows'),
    sum: safeIntegerFrom(rows[0]?.sum, 'a sum of checksums'),
  };
  if (!isSame(found, totals)) {
    const message = `it has ${found.count} rows with another sum than the ${totals.count} that were written`;
    throw new LogStoreError('corrupt', `the checkpoint is damaged: ${message}`);
  }
  return { generation, rowCount: found.count };
}
