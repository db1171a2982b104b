import { invariant, InvariantViolation, type LogIndex, type NodeId } from '@latchkey/raft';
import {
  LogStoreError,
  type IdentityStore,
  type LossReason,
  type NewHistory,
  type PeerRecord,
  type StoreIdentity,
} from '@latchkey/replica';
import type { ClientBase } from 'pg';
import { shownAddress } from './database-address.js';
import { readIdentity } from './identity-record.js';
import {
  erasePeers,
  writeFounders,
  writeJoined,
  writeKept,
  writeLoss,
  writePeers,
  writeVoteWanted,
} from './identity-writer.js';
import { storeFailure, type FailureStage } from './postgres-failure.js';
import type { PostgresCheckpointStore } from './postgres-checkpoint-store.js';
import type { PostgresLogStore } from './postgres-log-store.js';
import { StoreConnection } from './store-connection.js';

/** Calls that wait for their turn. The driver has one per peer at most; more are a bug of it. */
const MAX_WAITING_CALLS = 256;

/**
 * Who the store of a `PostgresLogStore` is, under its claim. Asked at start and written to about once a minute, so a
 * connection is opened for each call and none is kept; calls run one after the other, and wait for none of the others.
 */
export class PostgresIdentityStore implements IdentityStore {
  private connection: StoreConnection | null = null;
  private turn: Promise<unknown> = Promise.resolve();
  private waitingCount = 0;
  private isClosed = false;

  constructor(
    private readonly logStore: PostgresLogStore,
    private readonly checkpoints: PostgresCheckpointStore,
  ) {}

  /** @throws LogStoreError `corrupt` also when the row is lost that says whose store it is: nothing says it then */
  identify(): Promise<StoreIdentity> {
    return this.onConnection('reading', (client) => readIdentity(client, this.logStore.owner));
  }

  keepClaim(epoch: number): Promise<void> {
    return this.onConnection('writing', (client) => writeKept(client, this.logStore.owner, epoch));
  }

  rememberFounders(founders: readonly NodeId[]): Promise<void> {
    return this.onConnection('writing', (client) => writeFounders(client, this.logStore.owner, founders));
  }

  rememberJoined(index: LogIndex): Promise<void> {
    return this.onConnection('writing', (client) => writeJoined(client, this.logStore.owner, index));
  }

  async rememberPeers(records: readonly PeerRecord[]): Promise<void> {
    if (records.length === 0) return;
    await this.onConnection('writing', (client) => writePeers(client, this.logStore.owner, records));
  }

  async forgetPeers(nodes: readonly NodeId[]): Promise<void> {
    if (nodes.length === 0) return;
    await this.onConnection('writing', (client) => erasePeers(client, this.logStore.owner, nodes));
  }

  markLost(reason: LossReason): Promise<void> {
    return this.onConnection('writing', (client) => writeLoss(client, this.logStore.owner, reason));
  }

  wantVoteBack(node: NodeId): Promise<void> {
    return this.onConnection('writing', (client) => writeVoteWanted(client, this.logStore.owner, node));
  }

  startAnew(history: NewHistory): Promise<void> {
    return this.checkpoints.giveUp(() => this.logStore.giveUp(history));
  }

  /** Ends with the log store. Idempotent. A call under way fails. */
  async close(): Promise<void> {
    this.isClosed = true;
    this.connection?.destroy();
    await this.turn;
  }

  private async onConnection<Result>(
    stage: FailureStage,
    work: (client: ClientBase) => Promise<Result>,
  ): Promise<Result> {
    invariant(!this.isClosed, 'a closed store was used');
    invariant(this.waitingCount < MAX_WAITING_CALLS, 'too many calls wait for the identity store');
    this.waitingCount += 1;
    const mine = this.turn.then(() => this.run(stage, work));
    this.turn = mine.catch(() => undefined);
    try {
      return await mine;
    } finally {
      this.waitingCount -= 1;
    }
  }

  private async run<Result>(stage: FailureStage, work: (client: ClientBase) => Promise<Result>): Promise<Result> {
    const { url, nodeId } = this.logStore.options;
    const database = shownAddress(url);
    let stageNow: FailureStage = 'reading';
    let connection: StoreConnection | null = null;
    try {
      if (this.isClosed) throw new LogStoreError('unavailable', 'the store was closed meanwhile');
      connection = await StoreConnection.open(url, `latchkey ${nodeId} identity`);
      this.connection = connection;
      stageNow = stage;
      const result = await work(connection.client);
      await connection.end();
      return result;
    } catch (error) {
      connection?.destroy();
      if (error instanceof InvariantViolation) throw error;
      throw storeFailure(error, { stage: stageNow, database });
    } finally {
      this.connection = null;
    }
  }
}
