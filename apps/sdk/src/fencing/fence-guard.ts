import { LatchkeyError } from '../errors/latchkey-error.js';

/** Creates the table that remembers the newest token of each resource. Run it once, in the database that holds what the locks protect. */
export const FENCE_TABLE_SQL =
  'CREATE TABLE IF NOT EXISTS latchkey_fence (resource text PRIMARY KEY, token bigint NOT NULL)';

const RAISE_FENCE_SQL = `INSERT INTO latchkey_fence AS fence (resource, token) VALUES ($1, $2)
ON CONFLICT (resource) DO UPDATE SET token = excluded.token WHERE fence.token <= excluded.token
RETURNING token`;

/** A `pg` client, a TypeORM EntityManager or QueryRunner, or anything else that runs SQL with numbered parameters. */
export interface SqlRunner {
  query(text: string, parameters?: unknown[]): Promise<unknown>;
}

export type Fence = {
  /** What is protected, e.g. the lock's name. */
  readonly resource: string;
  /** `lock.fencingToken` of the caller. */
  readonly token: number;
};

/** A newer holder has written already: this one's lock is long gone, and its write was refused. */
export class StaleFencingTokenError extends LatchkeyError {
  override readonly name = 'StaleFencingTokenError';

  constructor(readonly fence: Fence) {
    super('STALE_FENCING_TOKEN', `${fence.resource}: token ${fence.token} is older than one already seen`, {
      details: { ...fence },
    });
  }
}

/**
 * Refuses to go on when a newer token has been seen for the resource, and remembers this one. Call it inside the transaction that writes, before
 * writing: it locks the resource's row until the end of the transaction, so a write with a newer token cannot come in between (FAILURE-MODES 36).
 * @throws StaleFencingTokenError: roll the transaction back
 */
export async function guardFence(sql: SqlRunner, fence: Fence): Promise<void> {
  const answer = await sql.query(RAISE_FENCE_SQL, [fence.resource, fence.token]);
  if (returnedRows(answer) === 0) throw new StaleFencingTokenError(fence);
}

/**
 * BEGIN, `guardFence`, `write`, COMMIT on one connection (not a pool); any error rolls back and is thrown as it is.
 * With TypeORM, call `guardFence(manager, fence)` in `dataSource.transaction` instead.
 */
export async function fencedWrite<Result>(sql: SqlRunner, fence: Fence, write: () => Promise<Result>): Promise<Result> {
  await sql.query('BEGIN');
  try {
    await guardFence(sql, fence);
    const result = await write();
    await sql.query('COMMIT');
    return result;
  } catch (error) {
    // The error that matters is the first one; a connection that cannot roll back is broken anyway.
    await sql.query('ROLLBACK').catch(() => undefined);
    throw error;
  }
}

/** `pg` answers `{rows}`; TypeORM answers the rows. */
function returnedRows(answer: unknown): number {
  if (Array.isArray(answer)) return answer.length;
  if (typeof answer === 'object' && answer !== null && 'rows' in answer && Array.isArray(answer.rows)) {
    return answer.rows.length;
  }
  throw new TypeError('query() answered neither rows nor an object with rows');
}
