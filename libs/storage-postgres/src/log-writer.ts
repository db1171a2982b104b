import { LogStoreError } from '@latchkey/replica';
import type { ClientBase } from 'pg';
import { checksumOfState, type DurableRow } from './durable-row.js';
import { runLean, type StatementText } from './lean-statement.js';
import type { LogRow } from './log-row.js';
import { BATCH_TABLE, SEGMENT_TABLES, STORE_TABLE } from './schema-names.js';
import type { StatementValue } from './statement-bytes.js';

/** One persist step, ready to be written. */
export type LogWrite = {
  readonly epoch: number;
  /** Where the store's row was put by the write before. */
  readonly place: RowPlace;
  /** What holds afterwards. */
  readonly state: DurableRow;
  /** Rows that begin here or later are dropped first. Null: none. */
  readonly dropFrom: number | null;
  readonly rows: readonly LogRow[];
  /** Where they go. */
  readonly segment: LogSegment;
  /** Whether it was written is unknown when the server has not answered by then. */
  readonly answerTimeoutMs: number;
};

/** Page and line of a row in its table: Postgres' `ctid`, as text. An update puts the row elsewhere. */
export type RowPlace = string;

/** A table that holds a part of the log's rows (docs/decisions/0024-log-segments.md), and what writes into it. */
export type LogSegment = {
  readonly table: string;
  readonly append: StatementText;
  readonly replace: StatementText;
};

/**
 * The fence: finds no row once the store was claimed again, and then nothing else of the statement does anything. The row
 * is looked for where the last write put it. Each write leaves a dead row behind, and as long as a view is open they all
 * stay: after half a minute, looking for the living one among them cost more than all the rest of the write.
 */
export const OWNER = `
  WITH owner AS (
    UPDATE ${STORE_TABLE}
    SET current_term = $2, voted_for = $3, last_index = $4, last_checksum = $5, state_checksum = $6
    WHERE ctid = $7::tid AND epoch = $1
    RETURNING ctid)`;

/** The hot path: one new row. */
const appendTo = (table: string): string => `${OWNER}
    INSERT INTO ${table} (first_index, last_index, first_term, last_term, previous_checksum, checksum, bytes)
    SELECT $8::bigint, $4::bigint, $9::bigint, $10::bigint, $11::bigint, $5::bigint, $12::bytea FROM owner
    RETURNING (SELECT ctid FROM owner) AS place`;

/**
 * Everything else. All rows come in one bytea, which travels in binary, and are cut out of it here; an array of bytea
 * would travel as text, twice as long. The new rows wait for the number of dropped ones, since they may have their keys.
 */
const replaceIn = (table: string): string => `${OWNER},
    dropped AS (
      DELETE FROM ${BATCH_TABLE} WHERE first_index >= $8 AND EXISTS (SELECT FROM owner) RETURNING first_index),
    added AS (
      INSERT INTO ${table} (first_index, last_index, first_term, last_term, previous_checksum, checksum, bytes)
      SELECT r.first_index, r.last_index, r.first_term, r.last_term, r.previous_checksum, r.checksum,
             substring($9::bytea FROM r.start FOR r.byte_count)
      FROM (SELECT count(*) FROM dropped) AS done
      CROSS JOIN owner
      CROSS JOIN unnest($10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[], $14::bigint[], $15::bigint[],
                        $16::int[], $17::int[])
        AS r(first_index, last_index, first_term, last_term, previous_checksum, checksum, start, byte_count))
    SELECT ctid AS place FROM owner`;

export const LOG_SEGMENTS: readonly LogSegment[] = SEGMENT_TABLES.map((table, at) => ({
  table,
  append: { name: `latchkey-append-4-${at + 1}`, text: appendTo(table) },
  replace: { name: `latchkey-replace-3-${at + 1}`, text: replaceIn(table) },
}));

/**
 * Writes it all or nothing, in one statement and one round trip; the statement is its own transaction.
 * @returns where the store's row is now
 * @throws LogStoreError fenced; any error of the client
 */
export async function writeLog(client: ClientBase, write: LogWrite): Promise<RowPlace> {
  return fenced(client, write, async (place) => {
    const [row] = write.rows;
    const { answerTimeoutMs, segment } = write;
    if (row !== undefined && write.rows.length === 1 && write.dropFrom === null) {
      const values = [...stateValues(write, place), ...appendValues(row)];
      return runLean(client, segment.append, { values, answerTimeoutMs });
    }
    // node-postgres knows it; its types only know the one of the connection.
    const timed = {
      ...segment.replace,
      values: [...stateValues(write, place), ...replaceValues(write)],
      query_timeout: answerTimeoutMs,
    };
    const { rows } = await client.query<{ readonly place: RowPlace }>(timed);
    return rows[0]?.place ?? null;
  });
}

/**
 * Runs a statement that begins with `OWNER` and gives the row's new place, or null when it found no row. Then it has
 * written nothing, and is tried once more if the row has only been moved by a person who had the table rewritten.
 * @throws LogStoreError fenced; any error of the client
 */
export async function fenced(
  client: ClientBase,
  { epoch, place }: Pick<LogWrite, 'epoch' | 'place'>,
  statement: (place: RowPlace) => Promise<RowPlace | null>,
): Promise<RowPlace> {
  const written = await statement(place);
  if (written !== null) return written;
  const moved = await placeOfStore(client, epoch);
  const writtenThere = moved === null || moved === place ? null : await statement(moved);
  if (writtenThere === null) throw new LogStoreError('fenced', 'another process has claimed the database since');
  return writtenThere;
}

/** Null when the claim is not the last one any more. */
export async function placeOfStore(client: ClientBase, epoch: number): Promise<RowPlace | null> {
  const text = `SELECT ctid AS place FROM ${STORE_TABLE} WHERE epoch = $1`;
  const { rows } = await client.query<{ readonly place: RowPlace }>(text, [epoch]);
  return rows[0]?.place ?? null;
}

/** The parameters of `OWNER`, as the server reads them. */
export function stateValues({ epoch, state }: Pick<LogWrite, 'epoch' | 'state'>, place: RowPlace): StatementValue[] {
  const { currentTerm, votedFor, tail } = state;
  return [
    `${epoch}`,
    `${currentTerm}`,
    votedFor,
    `${tail.lastIndex}`,
    `${tail.checksum}`,
    `${checksumOfState(state)}`,
    place,
  ];
}

function appendValues(row: LogRow): StatementValue[] {
  return [`${row.firstIndex}`, `${row.firstTerm}`, `${row.lastTerm}`, `${row.previousChecksum}`, row.bytes];
}

function replaceValues(write: LogWrite): unknown[] {
  const { rows } = write;
  const starts: number[] = [];
  let start = 1;
  for (const row of rows) {
    starts.push(start);
    start += row.bytes.length;
  }
  return [
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
}
