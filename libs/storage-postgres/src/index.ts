export { MAX_OPEN_VIEWS } from './postgres-checkpoint-store.js';
export type { PostgresLogStoreOptions } from './postgres-log-store.js';
export { createPostgresLogStore, PostgresLogStore } from './postgres-log-store.js';
export type { PostgresStores } from './postgres-stores.js';
export { createPostgresStores } from './postgres-stores.js';
export type { StoreClaim } from './store-claim.js';
