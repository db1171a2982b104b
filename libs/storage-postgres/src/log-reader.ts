import { nodeId, term, type HardState, type LogEntry, type LogPosition } from '@latchkey/raft';
import { LogStoreError } from '@latchkey/replica';
import type { ClientBase } from 'pg';
import { readRecord, type CheckpointRecord } from './checkpoint-record.js';
import { CopiedTuples } from './copied-tuples.js';
import { copyOut } from './copy-out.js';
import { checksumOfState, type DurableRow } from './durable-row.js';
import { entriesOf, nameOf, type LogRow, type LogTail } from './log-row.js';
import { safeIntegerFrom } from './safe-integer.js';
import { BATCH_TABLE, STORE_TABLE } from './schema-names.js';

export type StoredState = {
  readonly hardState: HardState;
  /** Above `checkpoint.base`. */
  readonly entries: readonly LogEntry[];
  readonly tail: LogTail;
  readonly checkpoint: CheckpointRecord;
};

/** A page of rows is about this large, so that a long log needs little memory besides its entries. */
const PAGE_BYTES = 4 * 1024 * 1024;
const MIN_PAGE_ROWS = 8;
const MAX_PAGE_ROWS = 5_000;
const FIRST_PAGE_ROWS = 64;

/** The lock comes before the snapshot: no segment can be emptied between the record that says where the log begins and its rows. */
export const BEGIN_READING = `
  BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY;
  LOCK TABLE ${BATCH_TABLE} IN ACCESS SHARE MODE`;

const COLUMNS = 'first_index, last_index, first_term, last_term, previous_checksum, checksum, bytes';
const COLUMN_COUNT = 7;

type BatchColumns = {
  readonly first_index: string;
  readonly last_index: string;
  readonly first_term: string;
  readonly last_term: string;
  readonly previous_checksum: string;
  readonly checksum: string;
  readonly bytes: Buffer;
};

type StateColumns = {
  readonly epoch: string;
  readonly current_term: string;
  readonly voted_for: string | null;
  readonly last_index: string;
  readonly last_checksum: string;
  readonly state_checksum: string;
};

/**
 * Reads and verifies everything: each row's checksum, that each row follows the one before it in index and in chain, and
 * that the log begins at the cut and ends where the last persist said it does. All from one snapshot, which a claim of
 * another process in the middle cannot tear.
 * @throws LogStoreError corrupt, naming the row; fenced
 */
export async function readState(client: ClientBase, epoch: number): Promise<StoredState> {
  await client.query(BEGIN_READING);
  const { currentTerm, votedFor, tail } = await readStateRow(client, epoch);
  const { record: checkpoint } = await readRecord(client);
  const entries: LogEntry[] = [];
  const end = await readLog(client, checkpoint, entries);
  await client.query('COMMIT');
  assertEnds(end, tail);
  assertHolds(checkpoint, tail);
  const hardState = { currentTerm: term(currentTerm), votedFor: votedFor === null ? null : nodeId(votedFor) };
  return { hardState, entries, tail, checkpoint };
}

/** @throws LogStoreError corrupt when the log's last rows are missing, or there are too many */
export function assertEnds(end: LogTail, tail: LogTail): void {
  if (end.lastIndex === tail.lastIndex && end.checksum === tail.checksum) return;
  const message = `the log ends with entry ${end.lastIndex}, but the last write ended with entry ${tail.lastIndex}`;
  throw new LogStoreError('corrupt', message);
}

/** @throws LogStoreError corrupt when there is a gap between what is applied and what can be replayed */
export function assertHolds({ meta, base }: CheckpointRecord, tail: LogTail): void {
  const checkpointIndex = meta?.index ?? 0;
  if (checkpointIndex < base.index) {
    throw new LogStoreError(
      'corrupt',
      `the checkpoint ${checkpointIndex} is before the log, which begins after ${base.index}`,
    );
  }
  if (tail.lastIndex < checkpointIndex) {
    throw new LogStoreError(
      'corrupt',
      `the log ends with entry ${tail.lastIndex}, before the checkpoint ${checkpointIndex}`,
    );
  }
}

/** The last row that begins in front of `index`; null when there is none. */
export async function readRowBefore(client: ClientBase, index: number): Promise<LogRow | null> {
  const { rows } = await client.query<BatchColumns>({
    name: 'latchkey-row-before-1',
    text: `SELECT ${COLUMNS} FROM ${BATCH_TABLE} WHERE first_index < $1 ORDER BY first_index DESC LIMIT 1`,
    values: [index],
  });
  return rows[0] === undefined ? null : rowFrom(rows[0]);
}

/** Rows that begin behind `index`, in order: at least one if there is any, and at most one too much. @throws LogStoreError corrupt */
export async function readPageAfter(client: ClientBase, index: number, maxBytes: number): Promise<LogRow[]> {
  const { rows } = await client.query<BatchColumns>({
    name: 'latchkey-bounded-page-1',
    text: `
      SELECT ${COLUMNS}
      FROM (
        SELECT *, sum(octet_length(bytes)) OVER (ORDER BY first_index ROWS UNBOUNDED PRECEDING) AS byte_sum
        FROM (SELECT * FROM ${BATCH_TABLE} WHERE first_index > $1 ORDER BY first_index LIMIT $2) AS next) AS page
      WHERE byte_sum - octet_length(bytes) < $3
      ORDER BY first_index`,
    values: [index, MAX_PAGE_ROWS, maxBytes],
  });
  return rows.map(rowFrom);
}

/** @throws LogStoreError corrupt; fenced when the store was claimed since */
export async function readStateRow(client: ClientBase, epoch: number): Promise<DurableRow> {
  const { rows } = await client.query<StateColumns>(
    `SELECT epoch, current_term, voted_for, last_index, last_checksum, state_checksum FROM ${STORE_TABLE}`,
  );
  const columns = rows[0];
  if (columns === undefined) throw new LogStoreError('corrupt', `${STORE_TABLE} has lost its row`);
  if (safeIntegerFrom(columns.epoch, 'the epoch') !== epoch) {
    throw new LogStoreError('fenced', 'another process has claimed the database since');
  }
  const state = {
    currentTerm: safeIntegerFrom(columns.current_term, 'the current term'),
    votedFor: columns.voted_for,
    tail: {
      lastIndex: safeIntegerFrom(columns.last_index, 'the last index'),
      checksum: safeIntegerFrom(columns.last_checksum, 'the last checksum'),
    },
  };
  if (checksumOfState(state) !== safeIntegerFrom(columns.state_checksum, "the state's checksum")) {
    throw new LogStoreError('corrupt', `the row of ${STORE_TABLE} is damaged: its checksum does not fit`);
  }
  return state;
}

/** Entries up to the base that share a row with later ones are left out. The others are views of what came from the server. */
async function readLog(client: ClientBase, { base, cut }: CheckpointRecord, entries: LogEntry[]): Promise<LogTail> {
  let tail = cut;
  for (let pageRows = FIRST_PAGE_ROWS; ;) {
    const query = `SELECT ${COLUMNS} FROM ${BATCH_TABLE} WHERE first_index > ${tail.lastIndex} ORDER BY first_index LIMIT ${pageRows}`;
    const copied = await copyOut(client, query, PAGE_BYTES);
    const rows = new CopiedTuples(copied, BATCH_TABLE);
    let rowCount = 0;
    for (; rows.next(COLUMN_COUNT); rowCount += 1) {
      const row = copiedRow(rows);
      assertFollows(row, tail);
      for (const entry of entriesOf(row)) {
        if (entry.index > base.index) entries.push(entry);
        else if (entry.index === base.index) assertBase(entry, base);
      }
      tail = { lastIndex: row.lastIndex, checksum: row.checksum };
    }
    if (rowCount < pageRows) return tail;
    const fitting = Math.floor((PAGE_BYTES * rowCount) / copied.length);
    pageRows = Math.min(MAX_PAGE_ROWS, Math.max(MIN_PAGE_ROWS, fitting));
  }
}

/** In the order of `COLUMNS`. */
function copiedRow(rows: CopiedTuples): LogRow {
  const [firstIndex, lastIndex, firstTerm, lastTerm] = [
    rows.readBigint(),
    rows.readBigint(),
    rows.readBigint(),
    rows.readBigint(),
  ];
  return {
    firstIndex,
    lastIndex,
    firstTerm,
    lastTerm,
    previousChecksum: rows.readBigint(),
    checksum: rows.readBigint(),
    bytes: rows.readBytes(),
  };
}

function assertBase({ index, term: found }: LogEntry, base: LogPosition): void {
  if (found === base.term) return;
  throw new LogStoreError('corrupt', `entry ${index} is of term ${found}, but was compacted as of term ${base.term}`);
}

/** @throws LogStoreError corrupt */
export function assertFollows(row: LogRow, tail: LogTail): void {
  if (row.firstIndex !== tail.lastIndex + 1) {
    throw new LogStoreError('corrupt', `${nameOf(row)} comes after entry ${tail.lastIndex}: rows are missing`);
  }
  if (row.previousChecksum !== tail.checksum) {
    throw new LogStoreError('corrupt', `${nameOf(row)} does not belong behind the row before it`);
  }
}

function rowFrom(columns: BatchColumns): LogRow {
  const what = (column: string) => `${column} of the log row from entry ${columns.first_index} on`;
  return {
    firstIndex: safeIntegerFrom(columns.first_index, 'the first index of a log row'),
    lastIndex: safeIntegerFrom(columns.last_index, what('last_index')),
    firstTerm: safeIntegerFrom(columns.first_term, what('first_term')),
    lastTerm: safeIntegerFrom(columns.last_term, what('last_term')),
    previousChecksum: safeIntegerFrom(columns.previous_checksum, what('previous_checksum')),
    checksum: safeIntegerFrom(columns.checksum, what('checksum')),
    bytes: columns.bytes,
  };
}
