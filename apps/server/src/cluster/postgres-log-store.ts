// See memory-log-store.ts: loaded on demand.
export { createPostgresStores } from '@latchkey/storage-postgres';
