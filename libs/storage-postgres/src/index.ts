export type { PostgresLogStoreOptions } from './postgres-log-store.js';
export { createPostgresLogStore, PostgresLogStore } from './postgres-log-store.js';
export type { StoreClaim } from './store-claim.js';
