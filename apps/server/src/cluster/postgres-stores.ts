// See memory-stores.ts: loaded on demand.
export { createPostgresStores } from '@latchkey/storage-postgres';
