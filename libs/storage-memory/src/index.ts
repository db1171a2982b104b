export { FaultyLogStore } from './faulty-log-store.js';
export { FaultyCheckpointStore } from './faulty-checkpoint-store.js';
export { MemoryCheckpointStore } from './memory-checkpoint-store.js';
export { MemoryDisk } from './memory-disk.js';
export { MemoryIdentityStore } from './memory-identity-store.js';
export { MemoryLogStore } from './memory-log-store.js';
