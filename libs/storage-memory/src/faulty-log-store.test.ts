import { logIndex, term } from '@latchkey/raft';
import { LogStoreError, type PersistBatch } from '@latchkey/replica';
import { describe, expect, it } from 'vitest';
import { FaultyLogStore } from './faulty-log-store.js';
import { MemoryDisk } from './memory-disk.js';
import { MemoryLogStore } from './memory-log-store.js';

const append = (index: number): PersistBatch => ({
  hardState: null,
  truncateFrom: null,
  entries: [{ type: 'noop', index: logIndex(index), term: term(1) }],
});

async function loaded(): Promise<{ readonly store: FaultyLogStore; readonly disk: MemoryDisk }> {
  const disk = new MemoryDisk();
  const store = new FaultyLogStore(new MemoryLogStore(disk));
  await store.load();
  return { store, disk };
}

describe('a log store with arranged faults', () => {
  it('fails one persist, with its batch written or not, and works again', async () => {
    const { store, disk } = await loaded();
    store.failNextPersist({ code: 'outcomeUnknown', isWritten: false });
    store.failNextPersist({ code: 'outcomeUnknown', isWritten: true });
    await expect(store.persist(append(1))).rejects.toBeInstanceOf(LogStoreError);
    expect(disk.entries).toHaveLength(0);
    await expect(store.persist(append(1))).rejects.toMatchObject({ code: 'outcomeUnknown' });
    expect(disk.entries).toHaveLength(1);
    await store.persist(append(2));
    expect(disk.entries).toHaveLength(2);
  });

  it('loses a batch that it calls durable', async () => {
    const { store, disk } = await loaded();
    store.loseNextPersist();
    await store.persist(append(1));
    expect([disk.entries.length, store.writtenBatches.length]).toEqual([0, 0]);
  });

  it('writes nothing while it is stalled', async () => {
    const { store, disk } = await loaded();
    store.stall();
    const persisted = store.persist(append(1));
    await Promise.resolve();
    expect(disk.entries).toHaveLength(0);
    store.release();
    await persisted;
    expect(disk.entries).toHaveLength(1);
  });

  it('fails a load once', async () => {
    const { store } = await loaded();
    store.failNextLoad('corrupt');
    await expect(store.load()).rejects.toMatchObject({ code: 'corrupt' });
    await expect(store.load()).resolves.toMatchObject({ entries: [] });
    expect(store.loadCount).toBe(3);
  });
});
