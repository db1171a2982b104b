import type { CheckpointStore } from '@latchkey/replica';
import type { ConformanceCheck } from '../conformance-check.js';
import { expectSame } from '../expectations.js';
import { position } from '../log-store/log-samples.js';
import { changesOf, fillLog, keyOf, pagesOf, removed, row, rows, snapshotMeta, staged } from './checkpoint-samples.js';
import { onNewCheckpointPlace, type CheckpointStoreFactory } from './checkpoint-store-place.js';

const STAYING_ROWS = 100;
const READERS = 5;
const ROUNDS = 20;

/** Single rows are those of the latest checkpoint, whatever is written while they are read. */
export const rowChecks: readonly ConformanceCheck<CheckpointStoreFactory>[] = [
  {
    name: 'single rows are found in the order in which they are asked for, also twice, and null stands for no row',
    run: (factory) =>
      onNewCheckpointPlace(factory, async (place) => {
        const { logStore, checkpoints } = await place.start();
        await fillLog({ logStore }, 3);
        expectSame(await checkpoints.readRows([keyOf('a')]), [null], 'a row before there is a checkpoint');
        const [first, second, empty] = [row('a', 1), row('b', 2, 5_000), row('c', 3, 0)];
        await checkpoints.save({ meta: snapshotMeta(2), changes: changesOf([first, second, empty]) });
        const keys = ['b', 'nothing', 'c', 'a', 'b', ''].map(keyOf);
        const expected = [second.value, null, empty.value, first.value, second.value, null];
        expectSame(await checkpoints.readRows(keys), expected, 'what the rows hold');
        expectSame(await checkpoints.readRows([]), [], 'no rows at all');
      }),
  },
  {
    name: 'single rows follow the latest checkpoint: replaced, removed, installed',
    run: (factory) =>
      onNewCheckpointPlace(factory, async (place) => {
        const { logStore, checkpoints } = await place.start();
        await fillLog({ logStore }, 9);
        const keys = ['a', 'b', 'c'].map(keyOf);
        await checkpoints.save({ meta: snapshotMeta(2), changes: changesOf([row('a', 1), row('b', 1)]) });
        await checkpoints.save({ meta: snapshotMeta(3), changes: changesOf([row('a', 2), removed('b')]) });
        expectSame(await checkpoints.readRows(keys), [row('a', 2).value, null, null], 'after two checkpoints');
        const staging = await staged(checkpoints, snapshotMeta(20), [[row('b', 3), row('c', 3)]]);
        expectSame(await checkpoints.readRows(keys), [row('a', 2).value, null, null], 'while a snapshot is staged');
        await checkpoints.installSnapshot({ staging, hardState: null, keepsTail: false });
        const installed = [null, row('b', 3).value, row('c', 3).value];
        expectSame(await checkpoints.readRows(keys), installed, 'of the snapshot');
        const { checkpoints: later } = await place.restart();
        expectSame(await later.readRows(keys), installed, 'after a restart');
      }),
  },
  {
    name: 'a row that stays is found by many readers while others come and go',
    run: (factory) =>
      onNewCheckpointPlace(factory, async (place) => {
        const { logStore, checkpoints } = await place.start();
        await fillLog({ logStore }, ROUNDS + 2);
        const staying = rows(STAYING_ROWS, 1);
        await checkpoints.save({ meta: snapshotMeta(1), changes: pagesOf(staying, 100) });
        const keys = staying.map(({ key }) => key);
        const values = staying.map(({ value }) => value);
        const writers = { areDone: false };
        const reading = Array.from({ length: READERS }, async () => {
          do expectSame(await checkpoints.readRows(keys), values, 'the rows that stay');
          while (!writers.areDone);
        });
        const writing = writeOthers(checkpoints).finally(() => {
          writers.areDone = true;
        });
        for (const ended of await Promise.allSettled([writing, ...reading])) {
          if (ended.status === 'rejected') throw ended.reason;
        }
      }),
  },
];

async function writeOthers(checkpoints: CheckpointStore): Promise<void> {
  for (let round = 1; round <= ROUNDS; round += 1) {
    const changes = changesOf([row(`new/${round}`, round), removed(`new/${round - 1}`)]);
    await checkpoints.save({ meta: snapshotMeta(round + 1), changes });
    if (round % 5 === 0) await checkpoints.compactLog(position(round, 1));
  }
}
