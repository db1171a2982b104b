import { LogStoreError, type NewHistory } from '@latchkey/replica';
import { logIndex, term } from '@latchkey/raft';
import type { ClientBase } from 'pg';
import { assignments, recordColumns, recordValues } from './checkpoint-record.js';
import { writeFirstClaim } from './claim-record.js';
import { checksumOfState } from './durable-row.js';
import { checksumOfSelf, claimedByAnother } from './identity-record.js';
import { EMPTY_LOG } from './log-row.js';
import { NO_ROWS } from './row-totals.js';
import { safeIntegerFrom } from './safe-integer.js';
import {
  BATCH_TABLE,
  CHECKPOINT_TABLE,
  GENERATION_SEQUENCE,
  IDENTITY_TABLE,
  PAGE_TABLE,
  ROW_TABLE,
  STORE_TABLE,
} from './schema-names.js';

/**
 * Longest wait for whoever reads a table that is to be emptied: a person's query, a backup. Shorter than the server waits
 * before it looks for a deadlock.
 */
const EMPTY_LOCK_TIMEOUT_MS = 500;
const LOCK_NOT_AVAILABLE = '55P03';

/** A claim as well: what the process before, or this one, may still have on the way finds another epoch. */
const BEGIN_ANEW = `
  UPDATE ${STORE_TABLE}
  SET store_id = $2, epoch = epoch + 1, current_term = 0, voted_for = NULL,
      last_index = ${EMPTY_LOG.lastIndex}, last_checksum = ${EMPTY_LOG.checksum}, state_checksum = $3
  WHERE owner = $1
  RETURNING epoch`;

const NO_CHECKPOINT = `
  INSERT INTO ${CHECKPOINT_TABLE} (id, epoch, ${recordColumns()})
  VALUES (1, $1, ${recordColumns((position) => `$${position + 2}`)})
  ON CONFLICT (id) DO UPDATE SET epoch = $1, ${assignments(2)}`;

const NO_FOUNDER = `
  INSERT INTO ${IDENTITY_TABLE} (id, owner, wants_vote_back, founders, joined_index, lost, checksum)
  VALUES (1, $1, $2, '{}', $3, NULL, $4)
  ON CONFLICT (id) DO UPDATE
  SET owner = excluded.owner, wants_vote_back = excluded.wants_vote_back, founders = excluded.founders,
      joined_index = excluded.joined_index, lost = NULL, checksum = excluded.checksum`;

/**
 * Everything between BEGIN and COMMIT that makes the store a new one. Nothing of what was there is read, since it may be
 * unreadable; what is remembered of other nodes stays.
 * @returns the epoch from now on
 * @throws LogStoreError fenced; corrupt when the row that says whose store it is is lost
 */
export async function writeNewHistory(client: ClientBase, owner: string, history: NewHistory): Promise<number> {
  const { storeId, wantsVoteBack, joinedIndex } = history;
  const stateChecksum = checksumOfState({ currentTerm: 0, votedFor: null, tail: EMPTY_LOG });
  // Store, checkpoint, identity: the order in which a claim takes them.
  const { rows } = await client.query<{ readonly epoch: string }>(BEGIN_ANEW, [owner, storeId, stateChecksum]);
  if (rows[0] === undefined) throw await refusal(client);
  const epoch = safeIntegerFrom(rows[0].epoch, 'the epoch');
  const origin = { index: logIndex(0), term: term(0) };
  const generation = await nextGeneration(client);
  const record = { meta: null, generation, totals: NO_ROWS, base: origin, cut: EMPTY_LOG };
  await client.query(NO_CHECKPOINT, [epoch, ...recordValues(record)]);
  const checksum = checksumOfSelf({ wantsVoteBack, founders: [], joinedIndex, lost: null });
  await client.query(NO_FOUNDER, [owner, wantsVoteBack, joinedIndex, checksum]);
  await writeFirstClaim(client, epoch);
  // The new log begins with the numbers of the old one, whose rows must be gone.
  if (!(await isEmptied(client, BATCH_TABLE))) await client.query(`DELETE FROM ${BATCH_TABLE}`);
  // Rows of another generation are waste that compaction drops in slices, if it cannot be done at once.
  await isEmptied(client, ROW_TABLE);
  await isEmptied(client, PAGE_TABLE);
  return epoch;
}

/** In no time whatever its size, and though its pages may be unreadable; but not while somebody reads the table. */
async function isEmptied(client: ClientBase, table: string): Promise<boolean> {
  await client.query(`SAVEPOINT emptying; SET LOCAL lock_timeout = ${EMPTY_LOCK_TIMEOUT_MS}`);
  try {
    await client.query(`TRUNCATE ${table}`);
    return true;
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === LOCK_NOT_AVAILABLE)) throw error;
    // Takes the setting back as well.
    await client.query('ROLLBACK TO SAVEPOINT emptying');
    return false;
  }
}

async function nextGeneration(client: ClientBase): Promise<number> {
  const { rows } = await client.query<{ readonly generation: string }>(
    `SELECT nextval('${GENERATION_SEQUENCE}')::text AS generation`,
  );
  return safeIntegerFrom(rows[0]?.generation, 'the number of a generation');
}

async function refusal(client: ClientBase): Promise<LogStoreError> {
  const { rows } = await client.query(`SELECT FROM ${STORE_TABLE}`);
  if (rows.length > 0) return claimedByAnother();
  return new LogStoreError('corrupt', `${STORE_TABLE} has lost its row`);
}
