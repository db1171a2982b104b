import { invariant } from '@latchkey/raft';
import type { ClientBase } from 'pg';
import { refusalOf, type Writer } from './checkpoint-save.js';
import { LOG_SEGMENTS, type LogSegment } from './log-writer.js';
import { safeIntegerFrom } from './safe-integer.js';
import { BATCH_TABLE, CHECKPOINT_TABLE, SEGMENT_TABLES } from './schema-names.js';

/**
 * Longest wait for whoever uses a segment that is to be emptied, since others wait behind: a write of the log into it that was
 * under way, a person's query. After it the segment is left for the next time.
 */
const EMPTY_LOCK_TIMEOUT_MS = 50;
const LOCK_NOT_AVAILABLE = '55P03';

/** An older Latchkey knew no segments; its rows go like those of one. */
const TABLES = [BATCH_TABLE, ...SEGMENT_TABLES];

const LAST_ROWS = SEGMENT_TABLES.map(
  (table, at) => `SELECT ${at} AS segment, max(first_index) AS last_row FROM ${table}`,
).join(' UNION ALL ');

const UNUSED = TABLES.map((table) => `SELECT '${table}' AS name WHERE pg_relation_size('${table}') = 0`).join(
  ' UNION ALL ',
);

/** By the last row, which the index has: the server would rather look at all of them for one behind the cut. */
const isWaste = (table: string): string => `coalesce((SELECT max(first_index) FROM ONLY ${table}) <= $1, true)`;

/**
 * The parts of the log's table. Rows are not deleted when they are not needed any more: a segment is emptied as a whole, in no
 * time, once all of it is waste; deleting and vacuuming had cost as much as writing. At each compaction the rows begin to
 * go elsewhere, so that this comes soon.
 */
export class LogSegments {
  private inUse = firstOf(LOG_SEGMENTS);

  /** Where new rows go. */
  get current(): LogSegment {
    return this.inUse;
  }

  /** After a load: rows go on where the last ones lie. */
  async findCurrent(client: ClientBase): Promise<void> {
    const { rows } = await client.query<{ readonly segment: number }>(
      `SELECT segment FROM (${LAST_ROWS}) AS s WHERE last_row IS NOT NULL ORDER BY last_row DESC LIMIT 1`,
    );
    this.inUse = LOG_SEGMENTS[rows[0]?.segment ?? 0] ?? firstOf(LOG_SEGMENTS);
  }

  /**
   * Empties what has no row behind `through`, which is durable as the cut of the log.
   * @throws LogStoreError fenced; any error of the client
   */
  async dropWaste(client: ClientBase, through: number, writer: Writer): Promise<void> {
    const { rows } = await client.query<{ readonly name: string }>(UNUSED);
    const unused = new Set(rows.map(({ name }) => name));
    const next = LOG_SEGMENTS.find(({ table }) => unused.has(table));
    if (next !== undefined && !unused.has(this.inUse.table)) this.inUse = next;
    for (const table of TABLES) {
      if (table === this.inUse.table || unused.has(table)) continue;
      await emptyIfWaste(client, { table, through }, writer);
    }
  }
}

async function emptyIfWaste(
  client: ClientBase,
  { table, through }: { readonly table: string; readonly through: number },
  writer: Writer,
): Promise<void> {
  const seen = await client.query<{ readonly is_waste: boolean }>(`SELECT ${isWaste(table)} AS is_waste`, [through]);
  if (seen.rows[0]?.is_waste !== true) return;
  await client.query(`BEGIN; SET LOCAL lock_timeout = ${EMPTY_LOCK_TIMEOUT_MS}`);
  try {
    await client.query(`LOCK TABLE ONLY ${table} IN ACCESS EXCLUSIVE MODE`);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === LOCK_NOT_AVAILABLE)) throw error;
    await client.query('ROLLBACK');
    return;
  }
  // Behind the lock, so that it holds until the table is empty: a write may have been under way, and a node that has taken the
  // database over may have begun another log, with the same numbers.
  const { rows } = await client.query<{ readonly is_waste: boolean; readonly epoch: string }>(
    `SELECT ${isWaste(table)} AS is_waste, epoch FROM ${CHECKPOINT_TABLE}`,
    [through],
  );
  if (safeIntegerFrom(rows[0]?.epoch, 'the epoch') !== writer.epoch) throw await refusalOf(client, writer);
  if (rows[0]?.is_waste === true) await client.query(`TRUNCATE ONLY ${table}`);
  await client.query('COMMIT');
}

function firstOf(segments: readonly LogSegment[]): LogSegment {
  const [first] = segments;
  invariant(first !== undefined, 'the log has no segments');
  return first;
}
