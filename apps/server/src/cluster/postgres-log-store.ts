// See memory-log-store.ts: loaded on demand.
export { createPostgresLogStore } from '@latchkey/storage-postgres';
