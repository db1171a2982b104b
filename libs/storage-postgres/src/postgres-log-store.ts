import { randomUUID } from 'node:crypto';
import { invariant, InvariantViolation, type HardState, type LogEntry, type NodeId } from '@latchkey/raft';
import { LogStoreError, type DurableState, type LogStore, type NewHistory, type PersistBatch } from '@latchkey/replica';
import { appendPointAt } from './append-point.js';
import { shownAddress } from './database-address.js';
import { rowsOf, type LogTail } from './log-row.js';
import { readState } from './log-reader.js';
import { LogSegments } from './log-segments.js';
import { placeOfStore, writeLog, type LogSegment, type RowPlace } from './log-writer.js';
import { writeNewHistory } from './new-history.js';
import { storeFailure, type FailureStage } from './postgres-failure.js';
import { RowBytes } from './row-bytes.js';
import { checkServer } from './server-check.js';
import { planInstallation, writeInstallation, type StagedSnapshot } from './snapshot-installer.js';
import { claimStore, migrate, type StoreClaim } from './store-claim.js';
import { StoreConnection } from './store-connection.js';

export type PostgresLogStoreOptions = {
  /** `postgres://user:password@host:port/database`; the user must be able to create a schema. No connection pooler. */
  readonly url: string;
  readonly nodeId: NodeId;
  readonly clusterId: string;
  /**
   * A write of the log that the server has not answered by then is given up as unknown. Much shorter than the limits of
   * statements that may be at work for long: whoever waits for a write waits for nothing else.
   */
  readonly persistTimeoutMs?: number;
};

const PERSIST_TIMEOUT_MS = 6_000;

/** What is in the database while this object owns it: enough to add to it without reading. */
type Owned = {
  readonly connection: StoreConnection;
  readonly claim: StoreClaim;
  readonly hardState: HardState;
  readonly tail: LogTail;
  readonly place: RowPlace;
};

/** A write in two parts: what only looks at the database, and the one statement that changes it. */
type Write = (owned: Owned, willWrite: () => void) => Promise<Pick<Owned, 'hardState' | 'tail' | 'place'>>;

export function createPostgresLogStore(options: PostgresLogStoreOptions): PostgresLogStore {
  return new PostgresLogStore(options);
}

/** Raft's durable state in a Postgres database of the node's own. See docs/decisions/0005-log-rows.md. */
export class PostgresLogStore implements LogStore {
  /** Names this object in the database. */
  readonly owner = randomUUID();
  readonly segments = new LogSegments();
  private owned: Owned | null = null;
  private newestClaim: StoreClaim | null = null;
  private isBusy = false;
  private isClosed = false;
  private companions: readonly { close(): Promise<void> }[] = [];
  private database: string | null = null;
  private readonly rowBytes = new RowBytes();

  constructor(readonly options: PostgresLogStoreOptions) {}

  /** Which store this is, and the number of the last claim. Null before the first `load` and after a failure. */
  get claim(): StoreClaim | null {
    return this.owned?.claim ?? null;
  }

  /** The last claim of this object, also when its connection is lost since. Null before the first `load`. */
  get lastClaim(): StoreClaim | null {
    return this.newestClaim;
  }

  /** What is to be closed with this store. */
  closeTogetherWith(...companions: readonly { close(): Promise<void> }[]): void {
    this.companions = companions;
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
    const { persistTimeoutMs: answerTimeoutMs = PERSIST_TIMEOUT_MS } = this.options;
    const { rowBytes } = this;
    return this.write((owned, willWrite) => {
      const segment = this.segments.current;
      return appendBatch(owned, { batch, answerTimeoutMs, rowBytes, segment }, willWrite);
    });
  }

  /** The part of `CheckpointStore.installSnapshot` that concerns the log: all of it, once the rows are staged. */
  installSnapshot(staged: StagedSnapshot): Promise<void> {
    return this.write(async ({ connection, claim, ...before }, willWrite) => {
      const plan = await planInstallation(connection.client, staged, before);
      willWrite();
      const place = await writeInstallation(connection.client, plan, { epoch: claim.epoch, place: before.place });
      return { hardState: staged.hardState ?? before.hardState, tail: plan.state.tail, place };
    });
  }

  /**
   * `IdentityStore.startAnew`. Needs no load that has succeeded, only the claim that every load begins with; and a load
   * must follow, since what this object knows of the log is over.
   */
  giveUp(history: NewHistory): Promise<void> {
    return this.alone('writing', async (database) => {
      const { url, nodeId } = this.options;
      let stage: FailureStage = 'reading';
      let connection: StoreConnection | null = null;
      try {
        this.discard();
        connection = await StoreConnection.open(url, `latchkey ${nodeId}`);
        await connection.client.query('BEGIN');
        const epoch = await writeNewHistory(connection.client, this.owner, history);
        stage = 'writing';
        await connection.client.query('COMMIT');
        this.newestClaim = { storeId: history.storeId, epoch };
        await connection.end();
      } catch (error) {
        connection?.destroy();
        throw storeFailure(error, { stage, database });
      }
    });
  }

  async close(): Promise<void> {
    this.isClosed = true;
    const connection = this.owned?.connection;
    this.owned = null;
    await Promise.all([connection?.end(), ...this.companions.map((companion) => companion.close())]);
  }

  private async loadFrom(connection: StoreConnection): Promise<DurableState> {
    await checkServer(connection.client);
    await migrate(connection);
    const isReclaim = this.newestClaim !== null;
    const claim = await claimStore(connection, this.options, { owner: this.owner, isReclaim });
    this.newestClaim = claim;
    const { hardState, entries, tail, checkpoint } = await readState(connection.client, claim.epoch);
    const place = await placeOfStore(connection.client, claim.epoch);
    if (place === null) throw new LogStoreError('fenced', 'another process has claimed the database since');
    await this.segments.findCurrent(connection.client);
    this.owned = { connection, claim, hardState, tail, place };
    return { hardState, base: checkpoint.base, entries, checkpoint: checkpoint.meta };
  }

  private write(write: Write): Promise<void> {
    return this.alone('writing', async (database) => {
      const { owned } = this;
      invariant(owned !== null, 'the store was written before it was loaded, or after a failure');
      let stage: FailureStage = 'reading';
      try {
        // Nothing was asked of it, so nothing can have been written.
        if (owned.connection.lostReason !== null) throw owned.connection.lostReason;
        const { connection, claim } = owned;
        const { hardState, tail, place } = await write(owned, () => {
          stage = 'writing';
        });
        this.owned = { connection, claim, hardState, tail, place };
      } catch (error) {
        // A refused batch has reached nobody; everything else leaves a connection in an unknown state.
        if (error instanceof InvariantViolation) throw error;
        this.discard();
        throw storeFailure(error, { stage, database });
      }
    });
  }

  /** The driver calls one method at a time; two at once would both build on the same end of the log. */
  private async alone<Result>(stage: FailureStage, work: (database: string) => Promise<Result>): Promise<Result> {
    invariant(!this.isClosed, 'a closed store was used');
    invariant(!this.isBusy, 'the store was used while it was at work');
    this.database ??= shownAddress(this.options.url);
    const { database } = this;
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

type Append = {
  readonly batch: PersistBatch;
  readonly answerTimeoutMs: number;
  readonly rowBytes: RowBytes;
  readonly segment: LogSegment;
};

async function appendBatch(
  owned: Owned,
  { batch, answerTimeoutMs, rowBytes, segment }: Append,
  willWrite: () => void,
): ReturnType<Write> {
  const { client } = owned.connection;
  const { tail, dropFrom, kept } = await appendPointAt(client, owned.tail, batch.truncateFrom);
  assertFollows(kept.length === 0 ? tail.lastIndex : (kept.at(-1)?.index ?? 0), batch.entries);
  rowBytes.begin();
  const entries = kept.length === 0 ? batch.entries : [...kept, ...batch.entries];
  const rows = rowsOf(entries, tail, (size) => rowBytes.take(size));
  const hardState = batch.hardState ?? owned.hardState;
  const last = rows.at(-1);
  const newTail = last === undefined ? tail : { lastIndex: last.lastIndex, checksum: last.checksum };
  willWrite();
  const state = { currentTerm: hardState.currentTerm, votedFor: hardState.votedFor, tail: newTail };
  const write = { epoch: owned.claim.epoch, place: owned.place, state, dropFrom, rows, segment, answerTimeoutMs };
  const place = await writeLog(client, write);
  return { hardState, tail: newTail, place };
}

/** @throws InvariantViolation: a log with a hole or an overlap is a bug of the caller */
function assertFollows(lastLogIndex: number, entries: readonly LogEntry[]): void {
  entries.forEach((entry, position) => {
    const expected = lastLogIndex + 1 + position;
    if (entry.index !== expected) invariant(false, `entry ${entry.index} was appended where ${expected} follows`);
  });
}
