import { logIndex, nodeId, term } from '@latchkey/raft';
import type { Checkpoint } from '@latchkey/replica';
import { describe, expect, it } from 'vitest';
import { FaultyCheckpointStore } from './faulty-checkpoint-store.js';
import { MemoryCheckpointStore } from './memory-checkpoint-store.js';
import { MemoryDisk } from './memory-disk.js';
import { MemoryLogStore } from './memory-log-store.js';

const MEMBERSHIP = { voters: [nodeId('n1')], votersOutgoing: [], learners: [] };

function checkpoint(index: number): Checkpoint {
  return { meta: { index: logIndex(index), term: term(1), membership: MEMBERSHIP }, changes: [] };
}

async function loaded(): Promise<{ readonly store: FaultyCheckpointStore; readonly disk: MemoryDisk }> {
  const disk = new MemoryDisk();
  const logStore = new MemoryLogStore(disk);
  const store = new FaultyCheckpointStore(new MemoryCheckpointStore(disk));
  await logStore.load();
  const entries = [1, 2, 3].map((index) => ({ type: 'noop' as const, index: logIndex(index), term: term(1) }));
  await logStore.persist({ hardState: null, truncateFrom: null, entries });
  return { store, disk };
}

describe('a checkpoint store with arranged faults', () => {
  it('fails one call of the named method, with its effect or without, and works again', async () => {
    const { store, disk } = await loaded();
    store.failNext('save', { code: 'outcomeUnknown', isWritten: false });
    store.failNext('save', { code: 'outcomeUnknown', isWritten: true });
    await expect(store.save(checkpoint(1))).rejects.toMatchObject({ code: 'outcomeUnknown' });
    expect(disk.checkpoint).toBeNull();
    await expect(store.save(checkpoint(2))).rejects.toMatchObject({ code: 'outcomeUnknown' });
    expect(disk.checkpoint?.meta.index).toBe(2);
    await store.save(checkpoint(3));
    expect(store.savedCheckpoints.map(({ index }) => index)).toEqual([2, 3]);
  });

  it('writes no checkpoint while saves are stalled', async () => {
    const { store, disk } = await loaded();
    store.stallSaves();
    const saved = store.save(checkpoint(1));
    await Promise.resolve();
    expect(disk.checkpoint).toBeNull();
    store.release();
    await saved;
    expect(disk.checkpoint?.meta.index).toBe(1);
  });
});

describe('stores on one memory disk', () => {
  it('are of one process when they are made one after the other, in either order, and fence those before', async () => {
    const disk = new MemoryDisk();
    const older = { logStore: new MemoryLogStore(disk), checkpoints: new MemoryCheckpointStore(disk) };
    await older.logStore.load();
    const checkpoints = new MemoryCheckpointStore(disk);
    const logStore = new MemoryLogStore(disk);
    await expect(older.checkpoints.openView()).resolves.toBeNull();
    await expect(checkpoints.openView()).rejects.toMatchObject({ code: 'fenced' });
    await logStore.load();
    await expect(older.checkpoints.openView()).rejects.toMatchObject({ code: 'fenced' });
    await expect(checkpoints.openView()).resolves.toBeNull();
  });
});
