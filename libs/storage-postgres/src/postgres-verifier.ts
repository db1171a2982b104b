import { invariant, InvariantViolation } from '@latchkey/raft';
import { LogStoreError, type StoreVerifier, type VerifiedPage } from '@latchkey/replica';
import type { ClientBase } from 'pg';
import { readClaims } from './claim-record.js';
import { readRecord } from './checkpoint-record.js';
import { refusalOf } from './checkpoint-save.js';
import { shownAddress } from './database-address.js';
import { readPeers, readSelf } from './identity-record.js';
import { verifyLogPage, type LogPage, type LogPlace } from './log-verifier.js';
import { storeFailure } from './postgres-failure.js';
import type { PostgresLogStore } from './postgres-log-store.js';
import { BATCH_TABLE, IDENTITY_TABLE, PAGE_TABLE, ROW_TABLE } from './schema-names.js';
import { StateRowReader } from './state-row-reader.js';
import { verifyRowTotals } from './state-verifier.js';
import { StoreConnection } from './store-connection.js';

/** A row of the state lies in either, and both are read as one. */
const STATE_TABLES = `${ROW_TABLE} and ${PAGE_TABLE}`;

const PAGES_PER_FETCH = 4;

export class PostgresVerifier implements StoreVerifier {
  private readonly connections = new Set<StoreConnection>();
  private isClosed = false;

  constructor(private readonly logStore: PostgresLogStore) {}

  async *verify({ maxBytesPerPage }: { readonly maxBytesPerPage: number }): AsyncIterable<VerifiedPage> {
    invariant(!this.isClosed, 'a closed store was used');
    const { url, nodeId } = this.logStore.options;
    const connection = await this.guarded('the database', () => StoreConnection.open(url, `latchkey ${nodeId} verify`));
    this.connections.add(connection);
    try {
      if (this.isClosed) throw new LogStoreError('unavailable', 'the store was closed meanwhile');
      yield await this.identity(connection.client);
      yield* this.log(connection.client, maxBytesPerPage);
      yield* this.state(connection.client, maxBytesPerPage);
    } finally {
      this.connections.delete(connection);
      await connection.end();
    }
  }

  /** Ends with the log store. A pass under way fails. */
  async close(): Promise<void> {
    this.isClosed = true;
    for (const connection of this.connections) connection.destroy();
  }

  private identity(client: ClientBase): Promise<VerifiedPage> {
    return this.guarded(IDENTITY_TABLE, async () => {
      await readSelf(client);
      const peers = await readPeers(client);
      const claims = await readClaims(client);
      return { table: IDENTITY_TABLE, rowCount: 1 + peers.length + claims.length, byteCount: 0 };
    });
  }

  private async *log(client: ClientBase, maxBytes: number): AsyncIterable<VerifiedPage> {
    let after: LogPlace | null = null;
    do {
      const page: LogPage = await this.guarded(BATCH_TABLE, () => this.logPage(client, after, maxBytes));
      yield { table: BATCH_TABLE, rowCount: page.rowCount, byteCount: page.byteCount };
      after = page.next;
    } while (after !== null);
  }

  private async logPage(client: ClientBase, after: LogPlace | null, maxBytes: number): Promise<LogPage> {
    const claim = this.logStore.lastClaim;
    invariant(claim !== null, 'the store was verified before it was loaded');
    try {
      return await verifyLogPage(client, claim.epoch, { after, maxBytes });
    } catch (error) {
      if (!(error instanceof LogStoreError && error.code === 'fenced')) throw error;
      throw await refusalOf(client, { epoch: claim.epoch, owner: this.logStore.owner });
    }
  }

  /** Again when the state was replaced as a whole in the middle. */
  private async *state(client: ClientBase, maxBytes: number): AsyncIterable<VerifiedPage> {
    for (let isComplete = false; !isComplete;) {
      const { generation } = (await this.guarded(STATE_TABLES, () => readRecord(client))).record;
      yield* this.rows(client, generation, maxBytes);
      const total = await this.guarded(STATE_TABLES, () => verifyRowTotals(client));
      yield { table: STATE_TABLES, rowCount: total.rowCount, byteCount: 0 };
      isComplete = total.generation === generation;
    }
  }

  private async *rows(client: ClientBase, generation: number, maxBytes: number): AsyncIterable<VerifiedPage> {
    const reader = new StateRowReader(client, generation, PAGES_PER_FETCH);
    for (;;) {
      const page = await this.guarded(STATE_TABLES, () => reader.nextPage(maxBytes));
      if (page === null) return;
      yield { table: STATE_TABLES, rowCount: page.rows.length, byteCount: page.byteCount };
    }
  }

  /** @throws LogStoreError, naming the table where that would not be clear */
  private async guarded<Result>(table: string, read: () => Promise<Result>): Promise<Result> {
    try {
      return await read();
    } catch (error) {
      if (error instanceof InvariantViolation) throw error;
      const failure = storeFailure(error, { stage: 'reading', database: shownAddress(this.logStore.options.url) });
      if (!(failure instanceof LogStoreError) || failure.code !== 'corrupt') throw failure;
      throw new LogStoreError('corrupt', `${table}: ${failure.message}`, { cause: error });
    }
  }
}
