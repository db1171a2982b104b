import { InvariantViolation } from '@latchkey/raft';
import type { StateChanges, StateRow, StateRowChange } from '@latchkey/replica';
import type { ConformanceCheck } from '../conformance-check.js';
import { expectFailure, expectSame, expectThat } from '../expectations.js';
import { bytesOf, FULL_MEMBERSHIP } from '../log-store/log-samples.js';
import {
  changesOf,
  fillLog,
  keyOf,
  pagesOf,
  removed,
  row,
  rows,
  savedRows,
  snapshotMeta,
} from './checkpoint-samples.js';
import { onNewCheckpointPlace, type CheckpointStoreFactory } from './checkpoint-store-place.js';

const LARGE_VALUE_BYTES = 512 * 1024;
const MANY_ROWS = 3_000;
const ROWS_PER_PAGE = 70;

/** Keys and values that a careless encoding would change or put in another order. */
const STRANGE_ROWS: readonly StateRow[] = [
  { key: new Uint8Array(0), value: bytesOf(2, 3) },
  { key: Uint8Array.of(0), value: bytesOf(1, 3) },
  { key: Uint8Array.of(0, 0), value: new Uint8Array(0) },
  { key: Uint8Array.of(0, 255), value: Uint8Array.from({ length: 256 }, (_, byte) => byte) },
  { key: keyOf('\\x41'), value: keyOf('\\000') },
  { key: keyOf('a'), value: bytesOf(5, LARGE_VALUE_BYTES) },
  { key: keyOf('a\0'), value: bytesOf(6, 3) },
  { key: keyOf('ab'), value: bytesOf(7, 5_000) },
  { key: Uint8Array.of(127, 255), value: bytesOf(8, 1) },
  { key: Uint8Array.of(128), value: Uint8Array.of(0) },
  { key: Uint8Array.of(255), value: Uint8Array.of(255) },
  { key: Uint8Array.of(255, 0), value: bytesOf(9, 2_100) },
];

/** A checkpoint is what the last one was, with the changes made, all of them or none. */
export const saveChecks: readonly ConformanceCheck<CheckpointStoreFactory>[] = [
  {
    name: 'a new store has no checkpoint',
    run: (factory) =>
      onNewCheckpointPlace(factory, async (place) => {
        const { checkpoints, durable } = await place.start();
        expectSame([durable.checkpoint, await checkpoints.openView()], [null, null], 'what there is at the beginning');
      }),
  },
  {
    name: 'rows come back byte for byte and in byte order, whatever is in them, also after a restart',
    run: (factory) =>
      onNewCheckpointPlace(factory, async (place) => {
        const first = await place.start();
        await fillLog(first, 3);
        await first.checkpoints.save({ meta: snapshotMeta(2), changes: changesOf(STRANGE_ROWS.toReversed()) });
        expectSame(await savedRows(first.checkpoints), STRANGE_ROWS, 'the rows');
        const { checkpoints, durable } = await place.restart();
        expectSame(durable.checkpoint, snapshotMeta(2), 'the checkpoint that is loaded');
        expectSame(await savedRows(checkpoints), STRANGE_ROWS, 'the rows after a restart');
      }),
  },
  {
    name: 'the membership comes back with all that it carries',
    run: (factory) =>
      onNewCheckpointPlace(factory, async (place) => {
        const { logStore, checkpoints } = await place.start();
        await fillLog({ logStore }, 3);
        const meta = snapshotMeta(3, 2 ** 40 + 9, FULL_MEMBERSHIP);
        await checkpoints.save({ meta, changes: changesOf() });
        const restarted = await place.restart();
        expectSame(restarted.durable.checkpoint, meta, 'the checkpoint that is loaded');
        expectSame((await restarted.checkpoints.openView())?.meta, meta, 'the one of a view');
      }),
  },
  {
    name: 'a later checkpoint adds, changes and removes the rows that it names, and leaves the others',
    run: (factory) =>
      onNewCheckpointPlace(factory, async (place) => {
        const { logStore, checkpoints } = await place.start();
        await fillLog({ logStore }, 9);
        const first = changesOf([row('a', 1), row('b', 2)], [row('c', 3), row('d', 4, 3_000)]);
        await checkpoints.save({ meta: snapshotMeta(3), changes: first });
        const second = changesOf([removed('a'), row('b', 12, 0)], [removed('never'), row('e', 15), row('d', 14)]);
        await checkpoints.save({ meta: snapshotMeta(6), changes: second });
        const afterSecond = [row('b', 12, 0), row('c', 3), row('d', 14), row('e', 15)];
        expectSame(await savedRows(checkpoints), afterSecond, 'the rows after the second');
        await checkpoints.save({ meta: snapshotMeta(9), changes: changesOf([row('a', 21), removed('c')]) });
        const restarted = await place.restart();
        const afterThird = [row('a', 21), row('b', 12, 0), row('d', 14), row('e', 15)];
        expectSame(await savedRows(restarted.checkpoints), afterThird, 'the rows after the third');
        expectSame(restarted.durable.checkpoint, snapshotMeta(9), 'its place');
      }),
  },
  {
    name: 'a checkpoint without changes moves on all the same',
    run: (factory) =>
      onNewCheckpointPlace(factory, async (place) => {
        const { logStore, checkpoints } = await place.start();
        await fillLog({ logStore }, 5);
        await checkpoints.save({ meta: snapshotMeta(2), changes: changesOf([row('a', 1)]) });
        await checkpoints.save({ meta: snapshotMeta(5), changes: changesOf([]) });
        const restarted = await place.restart();
        expectSame(restarted.durable.checkpoint, snapshotMeta(5), 'its place');
        expectSame(await savedRows(restarted.checkpoints), [row('a', 1)], 'its rows');
      }),
  },
  {
    name: 'the last row can go, and the checkpoint is there with none',
    run: (factory) =>
      onNewCheckpointPlace(factory, async (place) => {
        const { logStore, checkpoints } = await place.start();
        await fillLog({ logStore }, 5);
        await checkpoints.save({ meta: snapshotMeta(2), changes: changesOf([row('a', 1), row('b', 1)]) });
        await checkpoints.save({ meta: snapshotMeta(3), changes: changesOf([removed('a'), removed('b')]) });
        const restarted = await place.restart();
        expectSame(await savedRows(restarted.checkpoints), [], 'its rows');
      }),
  },
  {
    name: 'saving the same checkpoint again does no harm',
    run: (factory) =>
      onNewCheckpointPlace(factory, async (place) => {
        const { logStore, checkpoints } = await place.start();
        await fillLog({ logStore }, 5);
        await checkpoints.save({ meta: snapshotMeta(2), changes: changesOf([row('a', 1), row('b', 2)]) });
        const again = { meta: snapshotMeta(4), changes: changesOf([removed('a'), row('b', 3)], [row('c', 4)]) };
        await checkpoints.save(again);
        await checkpoints.save(again);
        expectSame(await savedRows(checkpoints), [row('b', 3), row('c', 4)], 'the rows');
        const restarted = await place.restart();
        await restarted.checkpoints.save(again);
        expectSame(await savedRows(restarted.checkpoints), [row('b', 3), row('c', 4)], 'the rows after a third time');
      }),
  },
  {
    name: 'many changes in many pages make one checkpoint',
    run: (factory) =>
      onNewCheckpointPlace(factory, async (place) => {
        const { logStore, checkpoints } = await place.start();
        await fillLog({ logStore }, 5);
        const first = rows(MANY_ROWS, 1);
        await checkpoints.save({ meta: snapshotMeta(2), changes: pagesOf(first, ROWS_PER_PAGE) });
        // Every second row goes, every third is changed.
        const changes = first.flatMap(({ key }, at): StateRowChange[] => {
          if (at % 2 === 0) return [{ key, value: null }];
          return at % 3 === 0 ? [{ key, value: bytesOf(at, 30) }] : [];
        });
        await checkpoints.save({ meta: snapshotMeta(5), changes: pagesOf(changes, ROWS_PER_PAGE) });
        const expected = first.flatMap(({ key, value }, at) => {
          if (at % 2 === 0) return [];
          return [{ key, value: at % 3 === 0 ? bytesOf(at, 30) : value }];
        });
        const restarted = await place.restart();
        expectSame(await savedRows(restarted.checkpoints, 10_000), expected, 'the rows');
      }),
  },
  {
    name: 'a save that breaks off in the middle leaves the checkpoint before, and can be made up for',
    run: (factory) =>
      onNewCheckpointPlace(factory, async (place) => {
        const { logStore, checkpoints } = await place.start();
        await fillLog({ logStore }, 5);
        await checkpoints.save({ meta: snapshotMeta(2), changes: changesOf([row('a', 1), row('b', 2)]) });
        const pages = [[row('a', 11), removed('b')], [row('c', 13)]];
        const broken = { meta: snapshotMeta(5), changes: breakingOff(pages) };
        await expectFailure(() => checkpoints.save(broken), 'a save whose rows cannot be made');
        expectSame(await savedRows(checkpoints), [row('a', 1), row('b', 2)], 'the rows after the failure');
        await checkpoints.save({ meta: snapshotMeta(5), changes: changesOf(...pages) });
        const restarted = await place.restart();
        expectSame(await savedRows(restarted.checkpoints), [row('a', 11), row('c', 13)], 'the rows after the next');
      }),
  },
  {
    name: 'what becomes of the buffers of a row after the save does not matter',
    run: (factory) =>
      onNewCheckpointPlace(factory, async (place) => {
        const { logStore, checkpoints } = await place.start();
        await fillLog({ logStore }, 5);
        const buffer = bytesOf(3, 64);
        const view = { key: buffer.subarray(4, 8), value: buffer.subarray(20, 40) };
        const expected = [{ key: view.key.slice(), value: view.value.slice() }];
        await checkpoints.save({ meta: snapshotMeta(2), changes: changesOf([view]) });
        buffer.fill(0);
        expectSame(await savedRows(checkpoints), expected, 'the rows');
      }),
  },
  {
    name: 'a checkpoint that is older than the one there, or beyond the log, is refused as a bug and changes nothing',
    run: (factory) =>
      onNewCheckpointPlace(factory, async (place) => {
        const { logStore, checkpoints } = await place.start();
        await fillLog({ logStore }, 5);
        await checkpoints.save({ meta: snapshotMeta(3), changes: changesOf([row('a', 1)]) });
        for (const index of [2, 6]) {
          const refused = { meta: snapshotMeta(index), changes: changesOf([row('a', 2)]) };
          const error = await expectFailure(() => checkpoints.save(refused), `a checkpoint at ${index}`);
          expectThat(error instanceof InvariantViolation, `the refusal is an InvariantViolation (${String(error)})`);
        }
        const restarted = await place.restart();
        expectSame(restarted.durable.checkpoint, snapshotMeta(3), 'the checkpoint after the refusals');
        expectSame(await savedRows(restarted.checkpoints), [row('a', 1)], 'its rows');
      }),
  },
];

function* breakingOff(pages: StateChanges): StateChanges {
  yield* pages;
  throw new Error('the state machine cannot go on');
}
