import { LogStoreError } from '@latchkey/replica';
import type { RowTable } from './row-source.js';
import { PAGE_TABLE, ROW_TABLE } from './schema-names.js';

/** `state_row`: a row each. */
export const STATE_ROWS: RowTable = {
  name: ROW_TABLE,
  columns: 'key, value, checksum',
  columnCount: 3,
  order: 'key',
  byteCount: 'octet_length(key) + octet_length(value)',
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
  columns: 'last_key, row_checksums, row_keys, row_values',
  columnCount: 4,
  order: 'last_key',
  byteCount: 'pg_column_size(row_keys) + pg_column_size(row_values)',
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
