import { randomUUID } from 'node:crypto';
import {
  invariant,
  InvariantViolation,
  type HardState,
  type LogEntry,
  type LogIndex,
  type NodeId,
} from '@latchkey/raft';
import type { DurableState, LogStore, PersistBatch } from '@latchkey/replica';
import { shownAddress } from './database-address.js';
import { EMPTY_LOG, entriesOf, rowsOf, type LogTail } from './log-row.js';
import { readRowBefore, readState } from './log-reader.js';
import { writeLog } from './log-writer.js';
import { storeFailure, type FailureStage } from './postgres-failure.js';
import { checkServer } from './server-check.js';
import { claimStore, migrate, type StoreClaim } from './store-claim.js';
import { StoreConnection } from './store-connection.js';

export type PostgresLogStoreOptions = {
  /** `postgres://user:password@host:port/database`; the user must be able to create a schema. No connection pooler. */
  readonly url: string;
  readonly nodeId: NodeId;
  readonly clusterId: string;
};

/** What is in the database while this object owns it: enough to add to it without reading. */
type Owned = {
  readonly connection: StoreConnection;
  readonly claim: StoreClaim;
  readonly hardState: HardState;
  readonly tail: LogTail;
};

/** Where an append stands: the log ends at `tail` once the rows from `dropFrom` on are gone. */
type AppendPoint = { readonly tail: LogTail; readonly dropFrom: number | null; readonly kept: readonly LogEntry[] };

export function createPostgresLogStore(options: PostgresLogStoreOptions): PostgresLogStore {
  return new PostgresLogStore(options);
}

/** Raft's durable state in a Postgres database of the node's own. See docs/decisions/0005-log-rows.md. */
export class PostgresLogStore implements LogStore {
  private readonly owner = randomUUID();
  private owned: Owned | null = null;
  private hasClaimed = false;
  private isBusy = false;
  private isClosed = false;

  constructor(private readonly options: PostgresLogStoreOptions) {}

  /** Which store this is, and the number of the last claim. Null before the first `load` and after a failure. */
  get claim(): StoreClaim | null {
    return this.owned?.claim ?? null;
  }

  load(): Promise<DurableState> {
    return this.alone('reading', async () => {
      const { url, nodeId } = this.options;
      this.discard();
      const connection = await StoreConnection.open(url, `latchkey ${nodeId}`);
      try {
        return await this.loadFrom(connection);
      } catch (error) {
        connection.destroy();
        throw error;
      }
    });
  }

  persist(batch: PersistBatch): Promise<void> {
    return this.alone('writing', (database) => this.write(batch, database));
  }

  async close(): Promise<void> {
    this.isClosed = true;
    const connection = this.owned?.connection;
    this.owned = null;
    await connection?.end();
  }

  private async loadFrom(connection: StoreConnection): Promise<DurableState> {
    await checkServer(connection.client);
    await migrate(connection);
    const claim = await claimStore(connection, this.options, { owner: this.owner, isReclaim: this.hasClaimed });
    this.hasClaimed = true;
    const { hardState, entries, tail } = await readState(connection.client, claim.epoch);
    this.owned = { connection, claim, hardState, tail };
    return { hardState, entries };
  }

  private async write(batch: PersistBatch, database: string): Promise<void> {
    invariant(this.owned !== null, 'the store was written before it was loaded, or after a failure');
    const { connection, claim, ...before } = this.owned;
    let stage: FailureStage = 'reading';
    try {
      // Nothing was asked of it, so nothing can have been written.
      if (connection.lostReason !== null) throw connection.lostReason;
      const { tail, dropFrom, kept } = await this.appendPoint(connection, before.tail, batch.truncateFrom);
      assertFollows(kept.length === 0 ? tail.lastIndex : (kept.at(-1)?.index ?? 0), batch.entries);
      const rows = rowsOf(kept.length === 0 ? batch.entries : [...kept, ...batch.entries], tail);
      const hardState = batch.hardState ?? before.hardState;
      const last = rows.at(-1);
      const state = {
        ...hardState,
        tail: last === undefined ? tail : { lastIndex: last.lastIndex, checksum: last.checksum },
      };
      stage = 'writing';
      await writeLog(connection.client, { epoch: claim.epoch, state, dropFrom, rows });
      this.owned = { connection, claim, hardState, tail: state.tail };
    } catch (error) {
      // A refused batch has reached nobody; everything else leaves a connection in an unknown state.
      if (error instanceof InvariantViolation) throw error;
      this.discard();
      throw storeFailure(error, { stage, database });
    }
  }

  /** A truncation inside a row writes the part in front of it anew: rows never change. */
  private async appendPoint(
    { client }: StoreConnection,
    tail: LogTail,
    truncateFrom: LogIndex | null,
  ): Promise<AppendPoint> {
    if (truncateFrom === null || truncateFrom > tail.lastIndex) return { tail, dropFrom: null, kept: [] };
    const row = await readRowBefore(client, truncateFrom);
    if (row === null) return { tail: EMPTY_LOG, dropFrom: truncateFrom, kept: [] };
    if (row.lastIndex < truncateFrom) {
      return { tail: { lastIndex: row.lastIndex, checksum: row.checksum }, dropFrom: truncateFrom, kept: [] };
    }
    return {
      tail: { lastIndex: row.firstIndex - 1, checksum: row.previousChecksum },
      dropFrom: row.firstIndex,
      kept: entriesOf(row).slice(0, truncateFrom - row.firstIndex),
    };
  }

  /** The driver calls one method at a time; two at once would both build on the same end of the log. */
  private async alone<Result>(stage: FailureStage, work: (database: string) => Promise<Result>): Promise<Result> {
    invariant(!this.isClosed, 'a closed store was used');
    invariant(!this.isBusy, 'the store was used while it was at work');
    const database = shownAddress(this.options.url);
    this.isBusy = true;
    try {
      return await work(database);
    } catch (error) {
      throw storeFailure(error, { stage, database });
    } finally {
      this.isBusy = false;
    }
  }

  private discard(): void {
    this.owned?.connection.destroy();
    this.owned = null;
  }
}

/** @throws InvariantViolation: a log with a hole or an overlap is a bug of the caller */
function assertFollows(lastLogIndex: number, entries: readonly LogEntry[]): void {
  entries.forEach((entry, position) => {
    const expected = lastLogIndex + 1 + position;
    invariant(entry.index === expected, `entry ${entry.index} was appended where ${expected} follows`);
  });
}
