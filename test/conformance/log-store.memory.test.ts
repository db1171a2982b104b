import {
  interruptedPersistChecks,
  logStoreChecks,
  registerConformance,
  type InterruptibleLogStorePlace,
} from '@latchkey/conformance';
import { FaultyLogStore, MemoryDisk, MemoryLogStore } from '@latchkey/storage-memory';
import { describe, it } from 'vitest';

registerConformance({ describe, it }, 'log store contract: memory', logStoreChecks, async () => {
  const disk = new MemoryDisk();
  return { open: async () => new MemoryLogStore(disk), dispose: async () => undefined };
});

for (const isWritten of [true, false]) {
  registerConformance(
    { describe, it },
    `log store contract, interrupted persists: memory, the interrupted batch is ${isWritten ? '' : 'not '}written`,
    interruptedPersistChecks,
    async (): Promise<InterruptibleLogStorePlace> => {
      const disk = new MemoryDisk();
      const opened = new Map<object, FaultyLogStore>();
      return {
        open: async () => {
          const store = new FaultyLogStore(new MemoryLogStore(disk));
          opened.set(store, store);
          return store;
        },
        dispose: async () => undefined,
        interruptNextPersist: async (store) =>
          opened.get(store)?.failNextPersist({ code: 'outcomeUnknown', isWritten }),
      };
    },
  );
}
