import type { HardState, LogEntry } from '@latchkey/raft';
import type { PersistBatch } from '@latchkey/replica';
import type { ConformanceCheck } from '../conformance-check.js';
import { expectSame } from '../expectations.js';
import {
  append,
  command,
  commands,
  hardState,
  N1,
  N2,
  position,
  replaceFrom,
  FULL_MEMBERSHIP,
} from '../log-store/log-samples.js';
import {
  changesOf,
  fillLog,
  pagesOf,
  removed,
  row,
  rows,
  savedRows,
  snapshotMeta,
  staged,
} from './checkpoint-samples.js';
import { expectLog } from './compaction-checks.js';
import { onNewCheckpointPlace, type CheckpointStoreFactory } from './checkpoint-store-place.js';

const MANY_ROWS = 2_500;

/** A snapshot takes the place of state and log in one step (Raft §7, FAILURE-MODES 19). */
export const installChecks: readonly ConformanceCheck<CheckpointStoreFactory>[] = [
  {
    name: 'the rows of a snapshot replace all rows that there were',
    run: (factory) =>
      onNewCheckpointPlace(factory, async (place) => {
        const { logStore, checkpoints } = await place.start();
        await fillLog({ logStore }, 5);
        await checkpoints.save({ meta: snapshotMeta(3), changes: changesOf([row('a', 1), row('b', 2), row('z', 3)]) });
        const meta = snapshotMeta(40, 7, FULL_MEMBERSHIP);
        const staging = await staged(checkpoints, meta, [[row('b', 12)], [row('c', 13, 3_000), row('d', 14, 0)]]);
        expectSame(staging.snapshot, meta, 'the snapshot of the staging');
        await checkpoints.installSnapshot({ staging, hardState: hardState(7), keepsTail: false });
        const expected = [row('b', 12), row('c', 13, 3_000), row('d', 14, 0)];
        expectSame(await savedRows(checkpoints), expected, 'the rows');
        const restarted = await place.restart();
        expectSame(restarted.durable.checkpoint, meta, 'the checkpoint after a restart');
        expectSame(await savedRows(restarted.checkpoints), expected, 'the rows after a restart');
      }),
  },
  logCheck('a snapshot that does not keep the tail leaves an empty log that begins behind it', {
    snapshot: [6, 2],
    keepsTail: false,
    after: [append(...commands(7, 8, 3)), append(command(9, 3))],
    expected: commands(7, 9, 3),
  }),
  logCheck('a snapshot beyond the end of the log leaves an empty one that begins behind it', {
    snapshot: [100, 4],
    keepsTail: false,
    after: [append(...commands(101, 103, 4)), replaceFrom(102, command(102, 5))],
    expected: [command(101, 4), command(102, 5)],
  }),
  logCheck('after a snapshot the log can be truncated to nothing and go on', {
    snapshot: [100, 4],
    keepsTail: false,
    after: [append(...commands(101, 103, 4)), replaceFrom(101), append(command(101, 6))],
    expected: [command(101, 6)],
  }),
  logCheck('a snapshot inside a batch keeps the entries after it when it is told to', {
    snapshot: [7, 1],
    keepsTail: true,
    after: [append(command(13, 2))],
    expected: [...commands(8, 9, 1), ...commands(10, 13, 2)],
  }),
  logCheck('a snapshot at the end of a batch keeps the entries after it when it is told to', {
    snapshot: [9, 1],
    keepsTail: true,
    after: [],
    expected: commands(10, 12, 2),
  }),
  logCheck('a kept tail can be truncated and go on', {
    snapshot: [7, 1],
    keepsTail: true,
    after: [replaceFrom(8, command(8, 3)), append(command(9, 3))],
    expected: commands(8, 9, 3),
  }),
  logCheck('a snapshot at the very end of the log that keeps the tail keeps an empty one', {
    snapshot: [12, 2],
    keepsTail: true,
    after: [append(command(13, 2))],
    expected: [command(13, 2)],
  }),
  logCheck('a hard state that comes with the snapshot is written with it', {
    snapshot: [30, 9],
    keepsTail: false,
    hardState: hardState(9, N2),
    after: [],
    expected: [],
  }),
  {
    name: 'staged rows are no part of the state, neither before nor after a restart, which ends the staging',
    run: (factory) =>
      onNewCheckpointPlace(factory, async (place) => {
        const first = await place.start();
        await fillLog(first, 5);
        await first.checkpoints.save({ meta: snapshotMeta(3), changes: changesOf([row('a', 1)]) });
        await staged(first.checkpoints, snapshotMeta(40), [[row('a', 2)], [row('b', 3)]]);
        expectSame(await savedRows(first.checkpoints), [row('a', 1)], 'the rows beside a staging');
        const { checkpoints, durable } = await place.restart();
        expectSame(durable.checkpoint, snapshotMeta(3), 'the checkpoint after a restart');
        expectLog(durable, [0, 0], commands(1, 5, 1));
        const staging = await staged(checkpoints, snapshotMeta(50), [[row('c', 4)]]);
        await checkpoints.compactLog(position(2, 1));
        await checkpoints.installSnapshot({ staging, hardState: null, keepsTail: false });
        expectSame(await savedRows(checkpoints), [row('c', 4)], 'the rows of the snapshot that was staged afterwards');
      }),
  },
  {
    name: 'a staging that is discarded, by itself or by a newer one, leaves nothing',
    run: (factory) =>
      onNewCheckpointPlace(factory, async (place) => {
        const { logStore, checkpoints } = await place.start();
        await fillLog({ logStore }, 5);
        const discarded = await staged(checkpoints, snapshotMeta(40), [[row('a', 1), row('b', 2)]]);
        await discarded.discard();
        await discarded.discard();
        await staged(checkpoints, snapshotMeta(41), [[row('b', 3), row('c', 4)]]);
        const staging = await staged(checkpoints, snapshotMeta(42), [[row('d', 5)]]);
        await checkpoints.installSnapshot({ staging, hardState: null, keepsTail: false });
        await staging.discard();
        expectSame(await savedRows(checkpoints), [row('d', 5)], 'the rows');
      }),
  },
  {
    name: 'checkpoints are saved while a snapshot is staged, and the two do not mix',
    run: (factory) =>
      onNewCheckpointPlace(factory, async (place) => {
        const { logStore, checkpoints } = await place.start();
        await fillLog({ logStore }, 9);
        const staging = await staged(checkpoints, snapshotMeta(40), [[row('a', 11), row('b', 12)]]);
        await checkpoints.save({ meta: snapshotMeta(3), changes: changesOf([row('a', 1), row('c', 3)]) });
        await checkpoints.compactLog(position(3, 1));
        await staging.append([row('d', 14)]);
        await checkpoints.save({ meta: snapshotMeta(5), changes: changesOf([row('b', 2), removed('c')]) });
        expectSame(await savedRows(checkpoints), [row('a', 1), row('b', 2)], 'the checkpoint');
        await checkpoints.installSnapshot({ staging, hardState: null, keepsTail: false });
        expectSame(await savedRows(checkpoints), [row('a', 11), row('b', 12), row('d', 14)], 'the snapshot');
      }),
  },
  {
    name: 'later checkpoints and compactions build on a snapshot of many rows',
    run: (factory) =>
      onNewCheckpointPlace(factory, async (place) => {
        const { logStore, checkpoints } = await place.start();
        await fillLog({ logStore }, 5);
        await checkpoints.save({ meta: snapshotMeta(5), changes: changesOf(rows(50, 3)) });
        const snapshotRows = rows(MANY_ROWS, 1);
        const staging = await staged(checkpoints, snapshotMeta(20), pagesOf(snapshotRows, 400));
        await checkpoints.installSnapshot({ staging, hardState: hardState(2, N1), keepsTail: false });
        await logStore.persist(append(...commands(21, 29, 2)));
        const [first, second, ...others] = snapshotRows;
        const changes = changesOf(
          [row('added', 9)],
          [first, second].flatMap((one) => (one ? removal(one.key) : [])),
        );
        await checkpoints.save({ meta: snapshotMeta(25, 2), changes });
        await checkpoints.compactLog(position(24, 2));
        const restarted = await place.restart();
        expectLog(restarted.durable, [24, 2], commands(25, 29, 2));
        expectSame(restarted.durable.hardState, hardState(2, N1), 'the hard state');
        expectSame(await savedRows(restarted.checkpoints, 20_000), [row('added', 9), ...others], 'the rows');
      }),
  },
];

function removal(key: Uint8Array): [{ readonly key: Uint8Array; readonly value: null }] {
  return [{ key, value: null }];
}

/** On a log of the batches 1 to 5, 6 to 9 of term 1 and 10 to 12 of term 2, with a checkpoint at 2. */
function logCheck(
  name: string,
  story: {
    readonly snapshot: readonly [number, number];
    readonly keepsTail: boolean;
    readonly hardState?: HardState;
    readonly after: readonly PersistBatch[];
    readonly expected: readonly LogEntry[];
  },
): ConformanceCheck<CheckpointStoreFactory> {
  return {
    name,
    run: (factory) =>
      onNewCheckpointPlace(factory, async (place) => {
        const { logStore, checkpoints } = await place.start();
        await fillLog({ logStore }, 5);
        await logStore.persist(append(...commands(6, 9, 1)));
        await logStore.persist({ hardState: hardState(2, N1), truncateFrom: null, entries: commands(10, 12, 2) });
        await checkpoints.save({ meta: snapshotMeta(2), changes: changesOf([row('a', 1)]) });
        const meta = snapshotMeta(...story.snapshot);
        const staging = await staged(checkpoints, meta, [[row('b', 2)]]);
        const { keepsTail } = story;
        await checkpoints.installSnapshot({ staging, hardState: story.hardState ?? null, keepsTail });
        for (const batch of story.after) await logStore.persist(batch);
        const restarted = await place.restart();
        expectLog(restarted.durable, story.snapshot, story.expected);
        expectSame(restarted.durable.hardState, story.hardState ?? hardState(2, N1), 'the hard state');
        expectSame(restarted.durable.checkpoint, meta, 'the checkpoint');
        expectSame(await savedRows(restarted.checkpoints), [row('b', 2)], 'its rows');
      }),
  };
}
