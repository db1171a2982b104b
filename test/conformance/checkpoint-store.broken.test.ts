import { checkpointStoreChecks, interruptedCheckpointChecks } from '@latchkey/conformance';
import { LogStoreError } from '@latchkey/replica';
import { MemoryCheckpointStore, MemoryDisk, MemoryLogStore } from '@latchkey/storage-memory';
import { describe, expect, it } from 'vitest';
import { BROKEN_CHECKPOINT_STORES } from './broken-checkpoint-stores.js';
import { rejectedChecks } from './rejected-checks.js';

describe('the checkpoint store contract rejects stores that break it', () => {
  it.each(BROKEN_CHECKPOINT_STORES.map((BrokenStore) => [BrokenStore.name, BrokenStore] as const))(
    'a store that %s',
    async (_name, BrokenStore) => {
      const rejected = await rejectedChecks(checkpointStoreChecks, async () => {
        const disk = new MemoryDisk();
        return {
          open: async () => ({ logStore: new MemoryLogStore(disk), checkpoints: new BrokenStore(disk) }),
          dispose: async () => undefined,
        };
      });
      expect(rejected).not.toEqual([]);
    },
  );

  it('a store whose interrupted save leaves half of the rows', async () => {
    const rejected = await rejectedChecks(interruptedCheckpointChecks, async () => {
      const disk = new MemoryDisk();
      return {
        open: async () => ({ logStore: new MemoryLogStore(disk), checkpoints: new MemoryCheckpointStore(disk) }),
        dispose: async () => undefined,
        interruptNext: async (method, { checkpoints }) => {
          if (method !== 'save') return;
          const save = checkpoints.save.bind(checkpoints);
          checkpoints.save = async ({ meta, changes }) => {
            checkpoints.save = save;
            await save({ meta, changes: [...changes].slice(0, 1) });
            throw new LogStoreError('outcomeUnknown', 'the rest is missing');
          };
        },
      };
    });
    expect(rejected).toHaveLength(1);
  });

  it('and accepts the one that the broken ones are made of', async () => {
    const rejected = await rejectedChecks(checkpointStoreChecks, async () => {
      const disk = new MemoryDisk();
      return {
        open: async () => ({ logStore: new MemoryLogStore(disk), checkpoints: new MemoryCheckpointStore(disk) }),
        dispose: async () => undefined,
      };
    });
    expect(rejected).toEqual([]);
  });
});
