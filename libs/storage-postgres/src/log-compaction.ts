import { invariant, type LogPosition } from '@latchkey/raft';
import type { ClientBase } from 'pg';
import { updateRecord, type Writer } from './checkpoint-save.js';
import { readRecord } from './checkpoint-record.js';
import { readRowBefore } from './log-reader.js';
import { entriesOf, type LogTail } from './log-row.js';
import { safeIntegerFrom } from './safe-integer.js';
import { BATCH_TABLE } from './schema-names.js';

/** A statement that drops rows is over in some milliseconds. */
const SLICE_ROWS = 500;

const DROP_SLICE = {
  name: 'latchkey-log-drop-1',
  text: `
    WITH dropped AS (
      DELETE FROM ${BATCH_TABLE}
      WHERE first_index IN (
        SELECT first_index FROM ${BATCH_TABLE} WHERE first_index > $1 AND first_index <= $2
        ORDER BY first_index LIMIT ${SLICE_ROWS})
      RETURNING first_index, octet_length(bytes) AS byte_count)
    SELECT max(first_index)::text AS last_dropped, coalesce(sum(byte_count), 0)::text AS byte_count FROM dropped`,
};

/**
 * Where the chain of rows can be cut so that everything behind entry `index` stays: at that entry, or in front of the row
 * that it shares with later ones.
 * @throws LogStoreError corrupt
 */
export async function cutAt(client: ClientBase, { index, term }: LogPosition, before: LogTail): Promise<LogTail> {
  const row = await readRowBefore(client, index + 1);
  if (row === null || row.firstIndex <= before.lastIndex) return before;
  const entry = entriesOf(row)[index - row.firstIndex];
  invariant(entry === undefined || entry.term === term, `entry ${index} is of term ${entry?.term}, not ${term}`);
  if (row.lastIndex <= index) return { lastIndex: row.lastIndex, checksum: row.checksum };
  return { lastIndex: row.firstIndex - 1, checksum: row.previousChecksum };
}

/**
 * Moves the base, in one statement. From then on the rows up to the cut are waste, whoever drops them.
 * @returns where the waste ends
 * @throws LogStoreError
 */
export async function moveBase(client: ClientBase, base: LogPosition, writer: Writer): Promise<number> {
  const { record } = await readRecord(client);
  const checkpointIndex = record.meta?.index ?? 0;
  invariant(base.index <= checkpointIndex, `entry ${base.index} is not checkpointed: it cannot be compacted`);
  if (base.index <= record.base.index) {
    // Nothing to write; but one that is fenced shall hear of it.
    await updateRecord(client, record, writer);
    return record.cut.lastIndex;
  }
  const cut = await cutAt(client, base, record.cut);
  await updateRecord(client, { ...record, base, cut }, writer);
  return cut.lastIndex;
}

/**
 * Drops rows that are waste, slice by slice, so that no statement is long. `after` is where an earlier call ended: while
 * a view is open, the index entries of dropped rows stay, and need not be gone through again.
 * @returns how many bytes of log were dropped
 */
export async function dropWaste(
  client: ClientBase,
  { after, through }: { readonly after: number; readonly through: number },
): Promise<number> {
  let byteCount = 0;
  let last: number | null = after;
  while (last !== null) {
    const slice: Slice = await dropSlice(client, last, through);
    last = slice.lastDropped;
    byteCount += slice.byteCount;
  }
  return byteCount;
}

type Slice = { readonly lastDropped: number | null; readonly byteCount: number };

async function dropSlice(client: ClientBase, after: number, through: number): Promise<Slice> {
  const { rows } = await client.query<{ readonly last_dropped: string | null; readonly byte_count: string }>({
    ...DROP_SLICE,
    values: [after, through],
  });
  const lastDropped = rows[0]?.last_dropped ?? null;
  return {
    lastDropped: lastDropped === null ? null : safeIntegerFrom(lastDropped, 'the first index of a log row'),
    byteCount: safeIntegerFrom(rows[0]?.byte_count, 'a number of bytes'),
  };
}
