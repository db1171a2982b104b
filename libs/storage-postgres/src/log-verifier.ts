import type { ClientBase } from 'pg';
import { readRecord } from './checkpoint-record.js';
import { assertEnds, assertFollows, assertHolds, BEGIN_READING, readPageAfter, readStateRow } from './log-reader.js';
import { entriesOf, type LogRow } from './log-row.js';
import { BATCH_TABLE } from './schema-names.js';

/** The last row that was found to be right. */
export type LogPlace = Pick<LogRow, 'firstIndex' | 'lastIndex' | 'checksum'>;

export type LogPage = {
  /** Where the next page begins; null when this one has reached the end of the log. */
  readonly next: LogPlace | null;
  readonly rowCount: number;
  readonly byteCount: number;
};

/**
 * Verifies the rows behind `after`, as `load` does. Pages have a snapshot each, between which the log goes on: if the
 * row that was the last is not there any more, as after a truncation or compaction, it begins again where the log does.
 * @throws LogStoreError corrupt, naming table or row; fenced
 */
export async function verifyLogPage(
  client: ClientBase,
  epoch: number,
  { after, maxBytes }: { readonly after: LogPlace | null; readonly maxBytes: number },
): Promise<LogPage> {
  await client.query(BEGIN_READING);
  const { tail } = await readStateRow(client, epoch);
  const { record } = await readRecord(client);
  assertHolds(record, tail);
  const isThere = after !== null && after.firstIndex > record.cut.lastIndex && (await holds(client, after));
  const rows = await readPageAfter(client, isThere ? after.lastIndex : record.cut.lastIndex, maxBytes);
  await client.query('COMMIT');
  let end = isThere ? after : record.cut;
  let byteCount = 0;
  for (const row of rows) {
    assertFollows(row, end);
    entriesOf(row);
    end = row;
    byteCount += row.bytes.length;
  }
  const last = rows.at(-1);
  // Not what is appended from now on: a log that grows while it is read would have no end.
  const isAtEnd = last === undefined || last.lastIndex >= tail.lastIndex;
  if (isAtEnd) assertEnds(end, tail);
  return { next: isAtEnd ? null : placeOf(last), rowCount: rows.length, byteCount };
}

const placeOf = ({ firstIndex, lastIndex, checksum }: LogRow): LogPlace => ({ firstIndex, lastIndex, checksum });

async function holds(client: ClientBase, { firstIndex, checksum }: LogPlace): Promise<boolean> {
  const text = `SELECT FROM ${BATCH_TABLE} WHERE first_index = $1 AND checksum = $2`;
  const { rowCount } = await client.query({ name: 'latchkey-row-held-1', text, values: [firstIndex, checksum] });
  return rowCount === 1;
}
