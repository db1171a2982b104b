export { FaultyLogStore } from './faulty-log-store.js';
export { MemoryDisk } from './memory-disk.js';
export { MemoryLogStore } from './memory-log-store.js';
