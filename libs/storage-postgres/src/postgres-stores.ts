import type { CheckpointStore, IdentityStore, LogStore, StoreVerifier } from '@latchkey/replica';
import { PostgresCheckpointStore } from './postgres-checkpoint-store.js';
import { PostgresIdentityStore } from './postgres-identity-store.js';
import { PostgresLogStore, type PostgresLogStoreOptions } from './postgres-log-store.js';
import { PostgresVerifier } from './postgres-verifier.js';

export type PostgresStores = {
  readonly logStore: LogStore & Pick<PostgresLogStore, 'claim'>;
  readonly checkpoints: CheckpointStore;
  readonly identity: IdentityStore;
  readonly verifier: StoreVerifier;
};

/** Log, checkpoints and identity of one node in one database, under one claim. Closing the log store closes all. */
export function createPostgresStores(options: PostgresLogStoreOptions): PostgresStores {
  const logStore = new PostgresLogStore(options);
  const checkpoints = new PostgresCheckpointStore(logStore);
  const identity = new PostgresIdentityStore(logStore, checkpoints);
  const verifier = new PostgresVerifier(logStore);
  logStore.closeTogetherWith(checkpoints, identity, verifier);
  return { logStore, checkpoints, identity, verifier };
}
