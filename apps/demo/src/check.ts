import type { Pool } from 'pg';
import { DEMO } from './config.js';

/** One promise, and what the tables say about it. */
export type Claim = { readonly holds: boolean; readonly text: string };

export type Expectation = {
  readonly orders: number;
  readonly workers: readonly string[];
  readonly stopped: { readonly worker: string; readonly orderId: string; readonly fencingToken: number } | null;
  readonly configRevision: number | null;
};

async function count(pool: Pool, sql: string, values: readonly unknown[] = []): Promise<number> {
  const { rows } = await pool.query<{ count: number }>(`select count(*)::int as count ${sql}`, [...values]);
  return rows[0]?.count ?? -1;
}

/** Reads the proof out of the tables; nothing here is taken from what the workers said of themselves. */
export async function checkTables(pool: Pool, expected: Expectation): Promise<readonly Claim[]> {
  return [
    await everyOrderOnce(pool, expected.orders),
    await noStaleWriteAccepted(pool),
    await lateWriteRefused(pool, expected.stopped),
    await configSeenByAll(pool, expected),
  ];
}

async function everyOrderOnce(pool: Pool, orders: number): Promise<Claim> {
  const rows = await count(pool, 'from demo.orders');
  const once = await count(pool, 'from demo.orders where times_processed = 1');
  const written = await count(pool, `from demo.attempts where outcome = 'written'`);
  return {
    holds: rows === orders && once === orders && written === orders,
    text: `every order exactly once: ${once} of ${orders} orders processed once, by ${written} accepted writes`,
  };
}

/** An accepted write is stale if the order had seen a newer token before. Rows of one order are numbered under its row lock. */
async function noStaleWriteAccepted(pool: Pool): Promise<Claim> {
  const stale = await count(
    pool,
    `from (
       select outcome, token, max(token) over (
         partition by order_id order by seq rows between unbounded preceding and 1 preceding
       ) as newest_before from demo.attempts
     ) as history where outcome = 'written' and newest_before > token`,
  );
  return { holds: stale === 0, text: `no write with a stale fencing token accepted: ${stale} found` };
}

async function lateWriteRefused(pool: Pool, stopped: Expectation['stopped']): Promise<Claim> {
  if (stopped === null) return { holds: false, text: 'no worker was stopped while it held a lock' };
  const { rows } = await pool.query<{ newest_token: string }>(
    `select newest_token from demo.attempts
     where outcome = 'refused' and order_id = $1 and worker = $2 and token = $3 and newest_token > token`,
    [stopped.orderId, stopped.worker, stopped.fencingToken],
  );
  const refused = await count(pool, `from demo.attempts where outcome = 'refused'`);
  const newest = rows[0]?.newest_token;
  return {
    holds: newest !== undefined,
    text:
      newest === undefined
        ? `the late write of ${stopped.worker} to ${stopped.orderId} was not refused`
        : `the late write of ${stopped.worker} to ${stopped.orderId} was refused: token ${stopped.fencingToken}, the row had seen ${newest} (${refused} refused in all)`,
  };
}

async function configSeenByAll(pool: Pool, { workers, configRevision }: Expectation): Promise<Claim> {
  const key = 'workers/batchSize';
  if (configRevision === null) return { holds: false, text: `${key} was never changed` };
  const { rows } = await pool.query<{ worker: string }>(
    'select distinct worker from demo.batches where config_revision = $1 and batch_size = $2 order by worker',
    [configRevision, DEMO.secondBatchSize],
  );
  const obeyed = rows.map((row) => row.worker);
  return {
    holds: workers.every((worker) => obeyed.includes(worker)),
    text: `${key} ${DEMO.firstBatchSize} → ${DEMO.secondBatchSize} (revision ${configRevision}) obeyed live by ${obeyed.length} of ${workers.length} workers: ${obeyed.join(', ')}`,
  };
}
