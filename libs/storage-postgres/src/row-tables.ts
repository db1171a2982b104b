import { LogStoreError } from '@latchkey/replica';
import type { RowTable, TupleLimits, TuplePlace } from './row-source.js';
import { PAGE_TABLE, ROW_TABLE } from './schema-names.js';

/** `state_row`: a row each. */
export const STATE_ROWS: RowTable = {
  name: ROW_TABLE,
  query: (place, limits) =>
    tuplesQuery({
      table: ROW_TABLE,
      order: 'key',
      columns: 'key, value, checksum',
      byteCount: 'octet_length(key) + octet_length(value)',
      ...place,
      ...limits,
    }),
  fieldCount: 3,
  read: (tuples, add) => {
    const key = tuples.readBytes();
    const value = tuples.readBytes();
    add(key, value, tuples.readBigint());
    return key;
  },
};

/** `state_page`: many to a tuple, in three arrays. Its length is looked at without reading what lies out of line. */
export const STATE_PAGES: RowTable = {
  name: PAGE_TABLE,
  query: (place, limits) =>
    tuplesQuery({
      table: PAGE_TABLE,
      order: 'last_key',
      columns: 'last_key, row_checksums, row_keys, row_values',
      byteCount: 'pg_column_size(row_keys) + pg_column_size(row_values)',
      ...place,
      ...limits,
    }),
  fieldCount: 4,
  read: (tuples, add) => {
    const lastKey = tuples.readBytes();
    const checksums = Array.from({ length: tuples.readArrayLength() }, () => tuples.readBigint());
    const keys = Array.from({ length: tuples.readArrayLength() }, () => tuples.readBytes());
    const valueCount = tuples.readArrayLength();
    if (keys.length !== checksums.length || valueCount !== keys.length) {
      throw new LogStoreError(
        'corrupt',
        `the checkpoint is damaged: ${keys.length} keys, ${valueCount} values and ${checksums.length} checksums lie in one page`,
      );
    }
    for (const [place, key] of keys.entries()) add(key, tuples.readBytes(), checksums[place] ?? -1);
    return lastKey;
  },
};

type TuplesQuery = TuplePlace &
  TupleLimits & {
    readonly table: string;
    readonly order: string;
    readonly columns: string;
    readonly byteCount: string;
  };

/** What is in front of a tuple must leave room for it, so at least one comes, and at most one is too much. */
function tuplesQuery({
  table,
  order,
  columns,
  byteCount,
  generation,
  after,
  maxTuples,
  maxBytes,
}: TuplesQuery): string {
  const behind = after === null ? '' : `AND ${order} > decode('${after.toString('hex')}', 'hex')`;
  return `
    SELECT ${columns}
    FROM (
      SELECT ${columns}, ${byteCount} AS byte_count, sum(${byteCount}) OVER (ORDER BY ${order} ROWS UNBOUNDED PRECEDING) AS byte_sum
      FROM (SELECT * FROM ${table} WHERE generation = ${generation} ${behind} ORDER BY ${order} LIMIT ${maxTuples}) AS first
    ) AS summed
    WHERE byte_sum - byte_count < ${maxBytes}
    ORDER BY ${order}`;
}
