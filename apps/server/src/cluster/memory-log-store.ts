// The build rewrites aliases in static imports only: what is to be loaded on demand is one file of its own.
export { MemoryCheckpointStore, MemoryDisk, MemoryIdentityStore, MemoryLogStore } from '@latchkey/storage-memory';
