import { randomUUID } from 'node:crypto';
import { LogStoreError } from '@latchkey/replica';
import { EMPTY_LOG } from './log-row.js';
import { writeClaim } from './claim-record.js';
import { checksumOfState } from './durable-row.js';
import { StoreEntity } from './entities/store.entity.js';
import { safeIntegerFrom } from './safe-integer.js';
import {
  CHECKPOINT_TABLE,
  IDENTITY_TABLE,
  MIGRATIONS_TABLE,
  SCHEMA,
  STORE_FORMAT,
  STORE_TABLE,
} from './schema-names.js';
import type { StoreConnection } from './store-connection.js';

/** Whose store it is. */
export type StoreOwnership = { readonly nodeId: string; readonly clusterId: string };

/** The right to write, until the next claim of anybody. */
export type StoreClaim = {
  /** Names the history: made with the store, and made anew when its history is given up. */
  readonly storeId: string;
  /** Number of this claim. */
  readonly epoch: number;
};

/** Any number that no other program is likely to lock in this database: "latchkey" in ASCII, as far as it fits. */
const MIGRATION_LOCK = 0x6c617463;

/** Makes or updates the tables. Processes that start at the same time do it one after the other. */
export async function migrate({ client, dataSource }: StoreConnection): Promise<void> {
  const known = await client.query<{ readonly found: string | null }>(
    `SELECT to_regclass('${SCHEMA}.${MIGRATIONS_TABLE}')::text AS found`,
  );
  // The usual start: nothing to do, nothing to wait for.
  if (known.rows[0]?.found !== null && !(await dataSource.showMigrations())) return;
  await client.query('SELECT pg_advisory_lock($1)', [MIGRATION_LOCK]);
  try {
    await client.query(`CREATE SCHEMA IF NOT EXISTS ${SCHEMA}`);
    await dataSource.runMigrations({ transaction: 'all' });
  } finally {
    await client.query('SELECT pg_advisory_unlock($1)', [MIGRATION_LOCK]);
  }
}

/**
 * Makes this store object the only one that may write (FAILURE-MODES 33). The newcomer wins, since the process before may
 * be dead without the server knowing; the older one is fenced by its next write, which names an older epoch. The update
 * waits for a write under way, so what is read afterwards is all there will ever be of the older claim.
 *
 * No session-wide advisory lock is held besides: it would add nothing to the epoch in every write, and it would keep a
 * newcomer out for as long as the server believes in the connection of a machine that is gone.
 * @param owner names the claiming store object
 * @throws LogStoreError foreign; fenced when another object has claimed the store since this one did
 */
export async function claimStore(
  connection: StoreConnection,
  ownership: StoreOwnership,
  { owner, isReclaim }: { readonly owner: string; readonly isReclaim: boolean },
): Promise<StoreClaim> {
  if (!isReclaim) await createIfNew(connection, ownership);
  await checkOwnership(connection, ownership);
  // All in one transaction and always in this order: each row fences the writes of one of the connections.
  await connection.client.query('BEGIN');
  const { rows } = await connection.client.query<{ readonly epoch: string; readonly store_id: string }>(
    `UPDATE ${STORE_TABLE} SET epoch = epoch + 1, owner = $1 WHERE NOT $2 OR owner = $1 RETURNING epoch, store_id`,
    [owner, isReclaim],
  );
  const claimed = rows[0];
  if (claimed === undefined) throw new LogStoreError('fenced', 'another process has claimed the database since');
  await connection.client.query(`UPDATE ${CHECKPOINT_TABLE} SET epoch = $1`, [claimed.epoch]);
  await connection.client.query(`UPDATE ${IDENTITY_TABLE} SET owner = $1`, [owner]);
  const epoch = safeIntegerFrom(claimed.epoch, 'the epoch');
  await writeClaim(connection.client, epoch);
  await connection.client.query('COMMIT');
  return { storeId: claimed.store_id, epoch };
}

/** A database that was claimed before and has lost the row is damaged, not new: its name is gone, and what it voted for. */
async function createIfNew({ client }: StoreConnection, { nodeId, clusterId }: StoreOwnership): Promise<void> {
  const state = { currentTerm: 0, votedFor: null, tail: EMPTY_LOG };
  await client.query(
    `INSERT INTO ${STORE_TABLE} (id, store_id, cluster_id, node_id, format, epoch, current_term, voted_for,
                                 last_index, last_checksum, state_checksum)
     SELECT 1, $1::text, $2::text, $3::text, $4::integer, 0, 0, NULL, 0, 0, $5::bigint
     FROM ${CHECKPOINT_TABLE} WHERE epoch = 0 ON CONFLICT DO NOTHING`,
    [randomUUID(), clusterId, nodeId, STORE_FORMAT, checksumOfState(state)],
  );
}

async function checkOwnership({ runner }: StoreConnection, { nodeId, clusterId }: StoreOwnership): Promise<void> {
  const store = await runner.manager.findOneBy(StoreEntity, { id: 1 });
  if (store === null) throw new LogStoreError('corrupt', `${STORE_TABLE} has lost its row`);
  if (store.nodeId !== nodeId || store.clusterId !== clusterId) {
    const message =
      `the database belongs to node ${store.nodeId} of cluster ${store.clusterId}, ` +
      `not to node ${nodeId} of cluster ${clusterId}`;
    throw new LogStoreError('foreign', message);
  }
  if (store.format > STORE_FORMAT) {
    const message = `the database was written by a newer Latchkey (format ${store.format}, this one knows ${STORE_FORMAT})`;
    throw new LogStoreError('foreign', message);
  }
}
