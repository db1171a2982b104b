import type { CheckpointStore, LogStore } from '@latchkey/replica';
import { PostgresCheckpointStore } from './postgres-checkpoint-store.js';
import { PostgresLogStore, type PostgresLogStoreOptions } from './postgres-log-store.js';

export type PostgresStores = {
  readonly logStore: LogStore & Pick<PostgresLogStore, 'claim'>;
  readonly checkpoints: CheckpointStore;
};

/** Log and checkpoints of one node in one database, under one claim. Closing the log store closes both. */
export function createPostgresStores(options: PostgresLogStoreOptions): PostgresStores {
  const logStore = new PostgresLogStore(options);
  const checkpoints = new PostgresCheckpointStore(logStore);
  logStore.closeTogetherWith(checkpoints);
  return { logStore, checkpoints };
}
