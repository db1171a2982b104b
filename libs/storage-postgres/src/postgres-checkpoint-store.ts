import { invariant, InvariantViolation, type LogPosition, type SnapshotMeta } from '@latchkey/raft';
import {
  LogStoreError,
  type Checkpoint,
  type CheckpointStore,
  type CheckpointView,
  type SnapshotInstallation,
  type SnapshotStaging,
} from '@latchkey/replica';
import type { ClientBase } from 'pg';
import { refusalOf, writeCheckpoint, type Writer } from './checkpoint-save.js';
import { readRecord } from './checkpoint-record.js';
import { PostgresCheckpointView } from './checkpoint-view.js';
import { shownAddress } from './database-address.js';
import { moveBase } from './log-compaction.js';
import { storeFailure, type FailureStage } from './postgres-failure.js';
import type { PostgresLogStore } from './postgres-log-store.js';
import { RowLookups } from './row-lookups.js';
import { GENERATION_SEQUENCE, PAGE_TABLE, ROW_TABLE } from './schema-names.js';
import { PostgresStaging } from './snapshot-staging.js';
import { dropOtherGenerations } from './state-waste.js';
import { STATEMENT_TIMEOUT_MS, StoreConnection } from './store-connection.js';

/** Each has a connection of its own, and keeps the database from reusing the space of all that is deleted meanwhile. */
export const MAX_OPEN_VIEWS = 4;
/** The server ends a view that nobody reads, and a save whose process hangs. */
const MAX_IDLE_IN_TRANSACTION_MS = 60_000;
/** The lock comes before the snapshot: the tables cannot be emptied between the record and the rows that it speaks of. */
const BEGIN_VIEW = `
  BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY;
  LOCK TABLE ${ROW_TABLE}, ${PAGE_TABLE} IN ACCESS SHARE MODE`;
/** Room for a hash table of the keys that leave pages: without it the server would look through all of them for each row. */
const BEGIN_SAVE = `BEGIN; SET LOCAL work_mem = '16MB'`;
/** Calls that wait for their turn on the connection. The driver has a few; more are a bug of it. */
const MAX_WAITING_CALLS = 64;
/** So many versions of keys are worth a vacuum, after which the next ones take their space. Some 32 MB. */
const VACUUM_AFTER_ROWS = 100_000;
const VACUUM_TIMEOUT_MS = 10 * 60_000;

/**
 * Checkpoints in the database of a `PostgresLogStore`, under its claim. They have a connection of their own, on which one
 * call runs after the other, so that no persist waits for a checkpoint.
 */
export class PostgresCheckpointStore implements CheckpointStore {
  private connection: StoreConnection | null = null;
  private turn: Promise<unknown> = Promise.resolve();
  private waitingCount = 0;
  private isClosed = false;
  private staging: PostgresStaging | null = null;
  private readonly lookups: RowLookups;
  private readonly views = new Set<PostgresCheckpointView>();
  private openingCount = 0;
  /** Versions that have left pages since their table was vacuumed. */
  private sweptCount = 0;

  constructor(
    private readonly logStore: PostgresLogStore,
    private readonly maxIdleInTransactionMs = MAX_IDLE_IN_TRANSACTION_MS,
  ) {
    this.lookups = new RowLookups(logStore.options);
  }

  save(checkpoint: Checkpoint): Promise<void> {
    return this.onConnection(async (client, writer, willWrite) => {
      await client.query(BEGIN_SAVE);
      const sweptCount = await writeCheckpoint(client, checkpoint, writer);
      willWrite();
      await client.query('COMMIT');
      this.sweptCount += sweptCount;
    });
  }

  readRows(keys: readonly Uint8Array[]): Promise<readonly (Uint8Array | null)[]> {
    return this.lookups.read(keys, this.writer());
  }

  async openView(): Promise<CheckpointView | null> {
    const writer = this.writer();
    const { url, nodeId } = this.logStore.options;
    const database = shownAddress(url);
    for (const view of this.views) if (!view.isOpen) this.views.delete(view);
    if (this.views.size + this.openingCount >= MAX_OPEN_VIEWS) {
      throw new LogStoreError('unavailable', `${MAX_OPEN_VIEWS} views are open already`);
    }
    this.openingCount += 1;
    try {
      const connection = await StoreConnection.open(url, `latchkey ${nodeId} view`, this.maxIdleInTransactionMs);
      return await this.viewOn(connection, writer, database);
    } catch (error) {
      throw storeFailure(error, { stage: 'reading', database });
    } finally {
      this.openingCount -= 1;
    }
  }

  compactLog(base: LogPosition): Promise<void> {
    return this.onConnection(async (client, writer, willWrite) => {
      willWrite();
      const through = await moveBase(client, base, writer);
      await this.logStore.segments.dropWaste(client, through, writer);
      await this.dropRows(client);
      await this.vacuumWhenDue(client);
    });
  }

  async stageSnapshot(snapshot: SnapshotMeta): Promise<SnapshotStaging> {
    await this.staging?.discard();
    let generation = 0;
    await this.onConnection(async (client) => {
      const { rows } = await client.query<{ readonly generation: number }>(
        `SELECT nextval('${GENERATION_SEQUENCE}')::int AS generation`,
      );
      generation = rows[0]?.generation ?? 0;
    });
    invariant(generation > 0, 'the database gave no number for a staging');
    this.staging = new PostgresStaging(snapshot, generation, (work) => this.onConnection(work));
    return this.staging;
  }

  installSnapshot({ staging, hardState, keepsTail }: SnapshotInstallation): Promise<void> {
    return this.inTurn(async () => {
      const { staging: own } = this;
      invariant(own !== null && own === staging, 'a snapshot was installed that is not staged');
      own.close();
      this.staging = null;
      const { snapshot, generation, totals } = own;
      await this.logStore.installSnapshot({ snapshot, generation, totals, hardState, keepsTail });
    });
  }

  /**
   * When it is its turn: gives up the state and what was staged, by what `work` does to the database. Views that are open
   * end, because they would keep the table from being emptied.
   */
  giveUp(work: () => Promise<void>): Promise<void> {
    return this.inTurn(async () => {
      this.staging?.abandon();
      this.staging = null;
      for (const view of this.views) view.lose();
      await work();
    });
  }

  /** Ends with the log store. Idempotent. A call under way fails. */
  async close(): Promise<void> {
    this.isClosed = true;
    await Promise.all([this.connection?.end(), this.lookups.close(), ...[...this.views].map((view) => view.close())]);
    await this.turn;
    await this.connection?.end();
    this.connection = null;
  }

  private async viewOn(
    connection: StoreConnection,
    writer: Writer,
    database: string,
  ): Promise<PostgresCheckpointView | null> {
    try {
      await connection.client.query(BEGIN_VIEW);
      const { epoch, record } = await readRecord(connection.client);
      if (this.isClosed) throw closedMeanwhile();
      if (epoch !== writer.epoch) throw await refusalOf(connection.client, writer);
      if (record.meta === null) {
        await connection.end();
        return null;
      }
      const view = new PostgresCheckpointView(connection, { ...record, meta: record.meta }, database);
      this.views.add(view);
      return view;
    } catch (error) {
      connection.destroy();
      throw error;
    }
  }

  private async dropRows(client: ClientBase): Promise<void> {
    const { record } = await readRecord(client);
    const staged = this.staging?.isInUse === true ? [this.staging.generation] : [];
    await dropOtherGenerations(client, [record.generation, ...staged]);
  }

  /** Not left to autovacuum, which looks once a minute and may be off: in a minute the tables grow by hundreds of megabytes. */
  private async vacuumWhenDue(client: ClientBase): Promise<void> {
    const isViewed = [...this.views].some((view) => view.isOpen);
    // What a view might still see cannot be reclaimed.
    if (isViewed || this.sweptCount < VACUUM_AFTER_ROWS) return;
    this.sweptCount = 0;
    await vacuum(client, PAGE_TABLE);
  }

  private writer(): Writer {
    invariant(!this.isClosed, 'a closed store was used');
    const claim = this.logStore.lastClaim;
    invariant(claim !== null, 'the checkpoints were used before the log was loaded');
    return { epoch: claim.epoch, owner: this.logStore.owner };
  }

  /** One call after the other. The connection is opened when it is needed, and thrown away after any failure. */
  private onConnection(
    work: (client: ClientBase, writer: Writer, willWrite: () => void) => Promise<void>,
  ): Promise<void> {
    const writer = this.writer();
    return this.inTurn(async () => {
      const { url, nodeId } = this.logStore.options;
      let stage: FailureStage = 'reading';
      try {
        if (this.connection?.lostReason !== null) {
          const name = `latchkey ${nodeId} checkpoints`;
          this.connection = await StoreConnection.open(url, name, this.maxIdleInTransactionMs);
        }
        if (this.isClosed) throw closedMeanwhile();
        await work(this.connection.client, writer, () => {
          stage = 'writing';
        });
      } catch (error) {
        this.connection?.destroy();
        this.connection = null;
        if (error instanceof InvariantViolation) throw error;
        throw storeFailure(error, { stage, database: shownAddress(url) });
      }
    });
  }

  private async inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    invariant(this.waitingCount < MAX_WAITING_CALLS, 'too many calls wait for the checkpoint store');
    this.waitingCount += 1;
    const before = this.turn;
    const mine = before.then(work).finally(() => {
      this.waitingCount -= 1;
    });
    this.turn = mine.catch(() => undefined);
    return mine;
  }
}

function closedMeanwhile(): LogStoreError {
  return new LogStoreError('unavailable', 'the store was closed meanwhile');
}

async function vacuum(client: ClientBase, table: string): Promise<void> {
  await client.query(`SET statement_timeout = ${VACUUM_TIMEOUT_MS}`);
  // node-postgres' own limit for this one statement; its types do not know it.
  const query = { text: `VACUUM (TRUNCATE FALSE, SKIP_LOCKED) ${table}`, query_timeout: VACUUM_TIMEOUT_MS };
  await client.query(query);
  await client.query(`SET statement_timeout = ${STATEMENT_TIMEOUT_MS}`);
}
