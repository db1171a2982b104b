import {
  checkpointStoreChecks,
  interruptedCheckpointChecks,
  registerConformance,
  type InterruptibleCheckpointStorePlace,
} from '@latchkey/conformance';
import { FaultyCheckpointStore, MemoryCheckpointStore, MemoryDisk, MemoryLogStore } from '@latchkey/storage-memory';
import { describe, it } from 'vitest';

registerConformance({ describe, it }, 'checkpoint store contract: memory', checkpointStoreChecks, async () => {
  const disk = new MemoryDisk();
  return {
    open: async () => ({ logStore: new MemoryLogStore(disk), checkpoints: new MemoryCheckpointStore(disk) }),
    dispose: async () => undefined,
  };
});

for (const isWritten of [true, false]) {
  registerConformance(
    { describe, it },
    `checkpoint store contract, interruptions: memory, the interrupted call has ${isWritten ? 'its' : 'no'} effect`,
    interruptedCheckpointChecks,
    async (): Promise<InterruptibleCheckpointStorePlace> => {
      const disk = new MemoryDisk();
      const opened = new Map<object, FaultyCheckpointStore>();
      return {
        open: async () => {
          const logStore = new MemoryLogStore(disk);
          const checkpoints = new FaultyCheckpointStore(new MemoryCheckpointStore(disk));
          opened.set(checkpoints, checkpoints);
          return { logStore, checkpoints };
        },
        dispose: async () => undefined,
        interruptNext: async (method, { checkpoints }) =>
          opened.get(checkpoints)?.failNext(method, { code: 'outcomeUnknown', isWritten }),
      };
    },
  );
}
