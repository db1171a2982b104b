import { identityStoreChecks, type IdentityStorePlace } from '@latchkey/conformance';
import { MemoryCheckpointStore, MemoryDisk, MemoryIdentityStore, MemoryLogStore } from '@latchkey/storage-memory';
import type { IdentityStore } from '@latchkey/replica';
import { describe, expect, it } from 'vitest';
import { BROKEN_IDENTITY_STORES } from './broken-identity-stores.js';
import { rejectedChecks } from './rejected-checks.js';

let placeCount = 0;

async function placeWith(Store: new (disk: MemoryDisk) => IdentityStore): Promise<IdentityStorePlace> {
  placeCount += 1;
  const disk = new MemoryDisk(`memory-${placeCount}`);
  return {
    open: async () => ({
      logStore: new MemoryLogStore(disk),
      checkpoints: new MemoryCheckpointStore(disk),
      identity: new Store(disk),
    }),
    dispose: async () => undefined,
  };
}

describe('the identity store contract rejects stores that break it', () => {
  it.each(BROKEN_IDENTITY_STORES.map((BrokenStore) => [BrokenStore.name, BrokenStore] as const))(
    'a store that %s',
    async (_name, BrokenStore) => {
      expect(await rejectedChecks(identityStoreChecks, () => placeWith(BrokenStore))).not.toEqual([]);
    },
  );

  it('and accepts the one that the broken ones are made of', async () => {
    expect(await rejectedChecks(identityStoreChecks, () => placeWith(MemoryIdentityStore))).toEqual([]);
  });
});
