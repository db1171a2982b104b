import { damagedIdentityStoreChecks, identityStoreChecks, registerConformance } from '@latchkey/conformance';
import { MemoryCheckpointStore, MemoryDisk, MemoryIdentityStore, MemoryLogStore } from '@latchkey/storage-memory';
import { describe, it } from 'vitest';

let placeCount = 0;

async function memoryPlace() {
  placeCount += 1;
  const disk = new MemoryDisk(`memory-${placeCount}`);
  return {
    open: async () => ({
      logStore: new MemoryLogStore(disk),
      checkpoints: new MemoryCheckpointStore(disk),
      identity: new MemoryIdentityStore(disk),
    }),
    dispose: async () => undefined,
    damage: async () => {
      disk.isDamaged = true;
    },
  };
}

const runner = { describe, it };
registerConformance(runner, 'identity store contract: memory', identityStoreChecks, memoryPlace);
registerConformance(runner, 'identity store contract, damage: memory', damagedIdentityStoreChecks, memoryPlace);
