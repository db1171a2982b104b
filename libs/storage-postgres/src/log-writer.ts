import { LogStoreError } from '@latchkey/replica';
import type { ClientBase } from 'pg';
import { checksumOfState, type DurableRow } from './durable-row.js';
import type { LogRow } from './log-row.js';
import { BATCH_TABLE, STORE_TABLE } from './schema-names.js';

/** One persist step, ready to be written. */
export type LogWrite = {
  readonly epoch: number;
  /** What holds afterwards. */
  readonly state: DurableRow;
  /** Rows that begin here or later are dropped first. Null: none. */
  readonly dropFrom: number | null;
  readonly rows: readonly LogRow[];
};

/** The fence: finds no row once the store was claimed again, and then nothing else of the statement does anything. */
const OWNER = `
  WITH owner AS (
    UPDATE ${STORE_TABLE}
    SET current_term = $2, voted_for = $3, last_index = $4, last_checksum = $5, state_checksum = $6
    WHERE epoch = $1
    RETURNING epoch)`;

/** The hot path: one new row. */
const APPEND = {
  name: 'latchkey-append-1',
  text: `${OWNER}
    INSERT INTO ${BATCH_TABLE} (first_index, last_index, first_term, last_term, previous_checksum, checksum, bytes)
    SELECT $7::bigint, $4::bigint, $8::bigint, $9::bigint, $10::bigint, $5::bigint, $11::bytea FROM owner`,
};

/**
 * Everything else. All rows come in one bytea, which travels in binary, and are cut out of it here; an array of bytea
 * would travel as text, twice as long. The new rows wait for the number of dropped ones, since they may have their keys.
 */
const REPLACE = {
  name: 'latchkey-replace-1',
  text: `${OWNER},
    dropped AS (
      DELETE FROM ${BATCH_TABLE} WHERE first_index >= $7 AND EXISTS (SELECT FROM owner) RETURNING first_index),
    added AS (
      INSERT INTO ${BATCH_TABLE} (first_index, last_index, first_term, last_term, previous_checksum, checksum, bytes)
      SELECT r.first_index, r.last_index, r.first_term, r.last_term, r.previous_checksum, r.checksum,
             substring($8::bytea FROM r.start FOR r.byte_count)
      FROM (SELECT count(*) FROM dropped) AS done
      CROSS JOIN owner
      CROSS JOIN unnest($9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[], $14::bigint[],
                        $15::int[], $16::int[])
        AS r(first_index, last_index, first_term, last_term, previous_checksum, checksum, start, byte_count))
    SELECT count(*)::int AS owners FROM owner`,
};

/**
 * Writes it all or nothing, in one statement and one round trip; the statement is its own transaction.
 * @throws LogStoreError fenced; any error of the client
 */
export async function writeLog(client: ClientBase, write: LogWrite): Promise<void> {
  const [row] = write.rows;
  const isOwner =
    row !== undefined && write.rows.length === 1 && write.dropFrom === null
      ? await append(client, write, row)
      : await replace(client, write);
  if (!isOwner) throw new LogStoreError('fenced', 'another process has claimed the database since');
}

async function append(client: ClientBase, write: LogWrite, row: LogRow): Promise<boolean> {
  const values = [...stateValues(write), row.firstIndex, row.firstTerm, row.lastTerm, row.previousChecksum, row.bytes];
  return (await client.query({ ...APPEND, values })).rowCount === 1;
}

async function replace(client: ClientBase, write: LogWrite): Promise<boolean> {
  const { rows } = write;
  const starts: number[] = [];
  let start = 1;
  for (const row of rows) {
    starts.push(start);
    start += row.bytes.length;
  }
  const values = [
    ...stateValues(write),
    // Behind every entry: drops nothing.
    write.dropFrom ?? write.state.tail.lastIndex + 1,
    Buffer.concat(rows.map((row) => row.bytes)),
    rows.map((row) => row.firstIndex),
    rows.map((row) => row.lastIndex),
    rows.map((row) => row.firstTerm),
    rows.map((row) => row.lastTerm),
    rows.map((row) => row.previousChecksum),
    rows.map((row) => row.checksum),
    starts,
    rows.map((row) => row.bytes.length),
  ];
  const result = await client.query<{ readonly owners: number }>({ ...REPLACE, values });
  return result.rows[0]?.owners === 1;
}

function stateValues({ epoch, state }: LogWrite): unknown[] {
  const { currentTerm, votedFor, tail } = state;
  return [epoch, currentTerm, votedFor, tail.lastIndex, tail.checksum, checksumOfState(state)];
}
