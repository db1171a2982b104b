import { interruptedPersistChecks, logStoreChecks } from '@latchkey/conformance';
import { FaultyLogStore, MemoryDisk, MemoryLogStore } from '@latchkey/storage-memory';
import { describe, expect, it } from 'vitest';
import { BROKEN_LOG_STORES } from './broken-log-stores.js';
import { rejectedChecks } from './rejected-checks.js';

describe('the log store contract rejects stores that break it', () => {
  it.each(BROKEN_LOG_STORES.map((BrokenLogStore) => [BrokenLogStore.name, BrokenLogStore] as const))(
    'a store that %s',
    async (_name, BrokenLogStore) => {
      const rejected = await rejectedChecks(logStoreChecks, async () => {
        const disk = new MemoryDisk();
        return { open: async () => new BrokenLogStore(disk), dispose: async () => undefined };
      });
      expect(rejected).not.toEqual([]);
    },
  );

  it('a store that writes half of an interrupted batch', async () => {
    const rejected = await rejectedChecks(interruptedPersistChecks, async () => {
      const disk = new MemoryDisk();
      const store = new FaultyLogStore(new MemoryLogStore(disk));
      return {
        open: async () => store,
        dispose: async () => undefined,
        interruptNextPersist: async () => {
          store.failNextPersist({ code: 'outcomeUnknown', isWritten: true });
          const writeAll = store.persist.bind(store);
          store.persist = (batch) => writeAll({ ...batch, entries: batch.entries.slice(0, 1) });
        },
      };
    });
    expect(rejected).not.toEqual([]);
  });

  it('and accepts the one that the broken ones are made of', async () => {
    const rejected = await rejectedChecks(logStoreChecks, async () => {
      const disk = new MemoryDisk();
      return { open: async () => new MemoryLogStore(disk), dispose: async () => undefined };
    });
    expect(rejected).toEqual([]);
  });
});
