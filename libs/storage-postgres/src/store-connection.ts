import { Socket } from 'node:net';
import type { ClientBase } from 'pg';
import { DataSource, type QueryRunner } from 'typeorm';
import { CheckpointEntity } from './entities/checkpoint.entity.js';
import { ClaimEntity } from './entities/claim.entity.js';
import { IdentityEntity } from './entities/identity.entity.js';
import { LogBatchEntity } from './entities/log-batch.entity.js';
import { PeerEntity } from './entities/peer.entity.js';
import { StatePageEntity } from './entities/state-page.entity.js';
import { StateRowEntity } from './entities/state-row.entity.js';
import { StoreEntity } from './entities/store.entity.js';
import { CreateLog1763700000000 } from './migrations/1763700000000-create-log.js';
import { CreateCheckpoint1764500000000 } from './migrations/1764500000000-create-checkpoint.js';
import { CreateIdentity1765300000000 } from './migrations/1765300000000-create-identity.js';
import { AddClaims1765800000000 } from './migrations/1765800000000-add-claims.js';
import { AddKnownIndex1765900000000 } from './migrations/1765900000000-add-known-index.js';
import { DropLogChecks1766000000000 } from './migrations/1766000000000-drop-log-checks.js';
import { DropPageStatistics1766100000000 } from './migrations/1766100000000-drop-page-statistics.js';
import { CreateLogSegments1766200000000 } from './migrations/1766200000000-create-log-segments.js';
import { AddJoined1765700000000 } from './migrations/1765700000000-add-joined.js';
import { AddLoss1765500000000 } from './migrations/1765500000000-add-loss.js';
import { CreateViews1765400000000 } from './migrations/1765400000000-create-views.js';
import { CreatePages1765600000000 } from './migrations/1765600000000-create-pages.js';
import { MIGRATIONS_TABLE, SCHEMA } from './schema-names.js';

const CONNECT_TIMEOUT_MS = 10_000;
/** The server gives up a statement after this long. */
export const STATEMENT_TIMEOUT_MS = 15_000;
/** Longest wait for another session: a migration or claim of a process that starts at the same time. */
const LOCK_TIMEOUT_MS = 10_000;
/** We give up a server that does not even say that it gave up: hung, stopped, or behind a dead network. */
export const ANSWER_TIMEOUT_MS = 20_000;
const GOODBYE_TIMEOUT_MS = 2_000;
/** One for the work, one that TypeORM uses beside it while it migrates. */
const POOL_SIZE = 2;

/**
 * What is read in an order is read by an index that has it. Without statistics, as of a table that was vacuumed and never
 * analyzed, the server would rather take all rows behind the place, and sort them, for each part that is read. To compile a
 * plan takes longer than any of ours runs; before Postgres 18 a sort that cannot be helped would be a reason to.
 */
const SESSION_SETTINGS = `
  SET enable_sort = off;
  SET jit = off;
  SET synchronous_commit = on;
  SET default_transaction_isolation = 'read committed';
  SET statement_timeout = ${STATEMENT_TIMEOUT_MS};
  SET lock_timeout = ${LOCK_TIMEOUT_MS};
  SET client_min_messages = warning`;

/**
 * One connection, used until the first error and then thrown away: nothing about a session is assumed after a failure.
 * TypeORM gives it; what is on the hot path speaks to the `pg` client directly.
 */
export class StoreConnection {
  private lostBecause: Error | null = null;

  private constructor(
    readonly dataSource: DataSource,
    readonly runner: QueryRunner,
    readonly client: ClientBase,
    private readonly sockets: ReadonlySet<Socket>,
  ) {
    // Also the only thing between a lost connection and an 'error' event that nobody handles.
    client.on('error', (error) => {
      this.lostBecause ??= error;
    });
    client.on('end', () => {
      this.lostBecause ??= new Error('the connection was closed');
    });
  }

  /** @param maxIdleInTransactionMs the server ends the session when a transaction does nothing for so long; 0 for never */
  static async open(url: string, applicationName: string, maxIdleInTransactionMs = 0): Promise<StoreConnection> {
    const sockets = new Set<Socket>();
    const dataSource = new DataSource({
      type: 'postgres',
      url,
      schema: SCHEMA,
      applicationName,
      entities: [
        StoreEntity,
        LogBatchEntity,
        CheckpointEntity,
        StateRowEntity,
        StatePageEntity,
        IdentityEntity,
        PeerEntity,
        ClaimEntity,
      ],
      migrations: [
        CreateLog1763700000000,
        CreateCheckpoint1764500000000,
        CreateIdentity1765300000000,
        CreateViews1765400000000,
        AddLoss1765500000000,
        CreatePages1765600000000,
        AddJoined1765700000000,
        AddClaims1765800000000,
        AddKnownIndex1765900000000,
        DropLogChecks1766000000000,
        DropPageStatistics1766100000000,
        CreateLogSegments1766200000000,
      ],
      migrationsTableName: MIGRATIONS_TABLE,
      installExtensions: false,
      logging: false,
      poolSize: POOL_SIZE,
      connectTimeoutMS: CONNECT_TIMEOUT_MS,
      // A lost connection shows in the statement that waits for it, or in the next.
      poolErrorHandler: () => undefined,
      extra: { keepAlive: true, query_timeout: ANSWER_TIMEOUT_MS, stream: () => tracked(sockets) },
    });
    try {
      await dataSource.initialize();
      const runner = dataSource.createQueryRunner();
      // TypeORM calls it unknown: it does not depend on node-postgres' types.
      const client = (await runner.connect()) as ClientBase;
      const connection = new StoreConnection(dataSource, runner, client, sockets);
      await client.query(`${SESSION_SETTINGS}; SET idle_in_transaction_session_timeout = ${maxIdleInTransactionMs}`);
      return connection;
    } catch (error) {
      for (const socket of sockets) socket.destroy();
      throw error;
    }
  }

  /** Why the connection is known to be gone, though nothing was asked of it. */
  get lostReason(): Error | null {
    return this.lostBecause;
  }

  /** At once, without a goodbye. A statement under way fails here; the server may still complete it. */
  destroy(): void {
    this.closeSockets();
    void this.end();
  }

  /** Says goodbye, but waits for no hung server. Never throws. */
  async end(): Promise<void> {
    const impatience = setTimeout(() => this.closeSockets(), GOODBYE_TIMEOUT_MS);
    try {
      await this.runner.release();
      if (this.dataSource.isInitialized) await this.dataSource.destroy();
    } catch {
      // It was broken; that is why it ends.
    } finally {
      clearTimeout(impatience);
    }
  }

  private closeSockets(): void {
    for (const socket of this.sockets) socket.destroy();
  }
}

function tracked(sockets: Set<Socket>): Socket {
  const socket = new Socket();
  sockets.add(socket);
  socket.once('close', () => sockets.delete(socket));
  return socket;
}
