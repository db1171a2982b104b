import { InvariantViolation, logIndex, term, type SnapshotMeta } from '@latchkey/raft';
import type { StateRowChange } from '@latchkey/replica';
import { afterEach, describe, expect, it } from 'vitest';
import { entry, FIRST_MEMBERSHIP } from '../test-support/facts.js';
import { SimulatedPlace, type SimulatedStores } from '../test-support/simulated-place.js';

/*
 * That the simulated disk keeps the promises of a store: test/conformance/simulated-stores.test.ts. Here: what it does
 * when it is damaged, and when its caller breaks a promise.
 */
const ENTRIES = [entry(1, 1), entry(2, 1), entry(3, 1)];
const metaAt = (index: number): SnapshotMeta => ({
  index: logIndex(index),
  term: term(1),
  membership: FIRST_MEMBERSHIP,
});
const row = (key: string, value: string | null): StateRowChange => ({
  key: Buffer.from(key),
  value: value === null ? null : Buffer.from(value),
});
const batch = (...entries: typeof ENTRIES) => ({ hardState: null, truncateFrom: null, entries });

let place: SimulatedPlace;

async function withThreeEntries(): Promise<SimulatedStores> {
  place = new SimulatedPlace();
  const stores = await place.open();
  await stores.logStore.load();
  await stores.logStore.persist(batch(...ENTRIES));
  return stores;
}

afterEach(() => place.dispose());

describe('a damaged entry', () => {
  it('makes the log unreadable, until it is dropped behind a checkpoint', async () => {
    const { logStore, checkpoints } = await withThreeEntries();
    place.disk.image.damage = { type: 'entry', index: logIndex(2) };
    await expect(logStore.load()).rejects.toMatchObject({ code: 'corrupt' });
    await checkpoints.save({ meta: metaAt(2), changes: [] });
    await checkpoints.compactLog({ index: logIndex(2), term: term(1) });
    await expect(logStore.load()).resolves.toMatchObject({ base: { index: 2 }, entries: [{ index: 3 }] });
  });

  it('is gone when the log is written anew from there on', async () => {
    const { logStore } = await withThreeEntries();
    place.disk.image.damage = { type: 'entry', index: logIndex(3) };
    await logStore.persist({ hardState: null, truncateFrom: logIndex(3), entries: [entry(3, 2)] });
    await expect(logStore.load()).resolves.toMatchObject({ entries: [{ term: 1 }, { term: 1 }, { term: 2 }] });
  });
});

describe('a damaged row', () => {
  it('shows when it is read, and not before, until it is written over', async () => {
    const { logStore, checkpoints } = await withThreeEntries();
    await checkpoints.save({ meta: metaAt(1), changes: [[row('a', '1'), row('b', '2')]] });
    place.disk.image.damage = { type: 'row', key: 'b' };
    await logStore.load();
    const view = await checkpoints.openView();
    await expect(view?.nextPage(1)).resolves.toHaveLength(1);
    await expect(view?.nextPage(1)).rejects.toMatchObject({ code: 'corrupt' });
    await checkpoints.save({ meta: metaAt(2), changes: [[row('b', '3')]] });
    await expect((await checkpoints.openView())?.nextPage(100)).resolves.toHaveLength(2);
  });
});

describe('a caller of the stores that breaks its own promises', () => {
  it('by two writes of the log at once is told so', async () => {
    const { logStore } = await withThreeEntries();
    const first = logStore.persist(batch(entry(4, 1)));
    await expect(logStore.persist(batch(entry(5, 1)))).rejects.toBeInstanceOf(InvariantViolation);
    await first;
  });

  it('by an installation beside a write of the log is told so', async () => {
    const { logStore, checkpoints } = await withThreeEntries();
    const staging = await checkpoints.stageSnapshot(metaAt(9));
    const write = logStore.persist(batch(entry(4, 1)));
    const installed = checkpoints.installSnapshot({ staging, hardState: null, keepsTail: false });
    await expect(installed).rejects.toBeInstanceOf(InvariantViolation);
    await write;
  });

  it('by dropping the log beyond the checkpoint, or a checkpoint beyond the log, is told so', async () => {
    const { checkpoints } = await withThreeEntries();
    await expect(checkpoints.compactLog({ index: logIndex(1), term: term(1) })).rejects.toBeInstanceOf(
      InvariantViolation,
    );
    await expect(checkpoints.save({ meta: metaAt(4), changes: [] })).rejects.toBeInstanceOf(InvariantViolation);
  });
});
