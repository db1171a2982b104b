import { logIndex, nodeId, term, type LogEntry, type SnapshotMeta } from '@latchkey/raft';
import type { CheckpointStore, StateRow, StateRowChange } from '@latchkey/replica';
import { createDatabase } from '../../../../test/support/postgres.js';
import { createPostgresStores, type PostgresStores } from '../postgres-stores.js';

/** First bytes of keys. */
export const META = 1;
export const VERSIONS = 4;
export const OUTCOMES = 6;

/** Checkpoints may be saved up to the last of them. */
const ENTRIES = 200;
const VALUE_BYTES = 100;
const N1 = nodeId('n1');
const MEMBERSHIP = { voters: [N1], votersOutgoing: [], learners: [] };

/** The database of a node with a log, and no checkpoint yet. */
export class RowDatabase {
  stores: PostgresStores;

  private constructor(readonly url: string) {
    this.stores = storesOf(url);
  }

  static async create(): Promise<RowDatabase> {
    const database = new RowDatabase(await createDatabase());
    const { logStore } = database.stores;
    await logStore.load();
    const entries: LogEntry[] = Array.from({ length: ENTRIES }, (_, at) => ({
      type: 'noop',
      index: logIndex(at + 1),
      term: term(1),
    }));
    await logStore.persist({ hardState: null, truncateFrom: null, entries });
    return database;
  }

  get checkpoints(): CheckpointStore {
    return this.stores.checkpoints;
  }

  save(index: number, changes: readonly StateRowChange[]): Promise<void> {
    return this.checkpoints.save({ meta: metaOf(index), changes: [changes] });
  }

  /** As another process, after `close`. */
  async reopen(): Promise<void> {
    this.stores = storesOf(this.url);
    await this.stores.logStore.load();
  }

  close(): Promise<void> {
    return this.stores.logStore.close();
  }
}

const storesOf = (url: string): PostgresStores => createPostgresStores({ url, nodeId: N1, clusterId: 'orders' });

export const metaOf = (index: number): SnapshotMeta => ({
  index: logIndex(index),
  term: term(1),
  membership: MEMBERSHIP,
});

export function keyOf(section: number, number: number): Buffer {
  const key = Buffer.alloc(13, 'k');
  key[0] = section;
  key.writeBigUInt64BE(BigInt(number), 1);
  return key;
}

export const rowOf = (section: number, number: number, bytes = VALUE_BYTES): StateRow => ({
  key: keyOf(section, number),
  value: Buffer.alloc(bytes, number % 251),
});

export const version = (number: number, bytes?: number): StateRow => rowOf(VERSIONS, number, bytes);
