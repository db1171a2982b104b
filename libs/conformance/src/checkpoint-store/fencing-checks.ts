import { LogStoreError } from '@latchkey/replica';
import type { ConformanceCheck } from '../conformance-check.js';
import { expectFailure, expectSame, expectThat } from '../expectations.js';
import { append, command, commands, position } from '../log-store/log-samples.js';
import { changesOf, fillLog, row, savedRows, snapshotMeta, staged } from './checkpoint-samples.js';
import { expectLog } from './compaction-checks.js';
import { onNewCheckpointPlace, type CheckpointStoreFactory } from './checkpoint-store-place.js';

/** One owner at a time, for log and checkpoints together (FAILURE-MODES 33). */
export const fencingChecks: readonly ConformanceCheck<CheckpointStoreFactory>[] = [
  {
    name: 'a younger process fences every call of the older one, none of which changes anything',
    run: (factory) =>
      onNewCheckpointPlace(factory, async (place) => {
        const older = await place.start();
        await fillLog(older, 9);
        await older.checkpoints.save({ meta: snapshotMeta(4), changes: changesOf([row('a', 1)]) });
        const staging = await staged(older.checkpoints, snapshotMeta(20), [[row('b', 2)]]);
        const younger = await place.start();
        const { checkpoints } = older;
        const calls: Readonly<Record<string, () => Promise<unknown>>> = {
          save: () => checkpoints.save({ meta: snapshotMeta(6), changes: changesOf([row('a', 3)]) }),
          openView: () => checkpoints.openView(),
          readRows: () => checkpoints.readRows([row('a', 1).key]),
          compactLog: () => checkpoints.compactLog(position(3, 1)),
          installSnapshot: () => checkpoints.installSnapshot({ staging, hardState: null, keepsTail: false }),
          stageSnapshot: () => staged(checkpoints, snapshotMeta(30), [[row('c', 2)]]),
        };
        for (const [name, call] of Object.entries(calls)) {
          const error = await expectFailure(call, `${name} of the older process`);
          expectThat(error instanceof LogStoreError, `the refusal of ${name} is a LogStoreError (${String(error)})`);
          expectSame(error.code, 'fenced', `its code (${name})`);
        }
        expectSame(await savedRows(younger.checkpoints), [row('a', 1)], 'the rows that the younger one sees');
        await younger.checkpoints.save({ meta: snapshotMeta(5), changes: changesOf([row('d', 4)]) });
        await younger.checkpoints.compactLog(position(2, 1));
        const restarted = await place.restart();
        expectLog(restarted.durable, [2, 1], commands(3, 9, 1));
        expectSame(restarted.durable.checkpoint, snapshotMeta(5), 'the checkpoint at the end');
        expectSame(await savedRows(restarted.checkpoints), [row('a', 1), row('d', 4)], 'the rows at the end');
      }),
  },
  {
    name: 'the owner can load again, and goes on with its checkpoints',
    run: (factory) =>
      onNewCheckpointPlace(factory, async (place) => {
        const { logStore, checkpoints } = await place.start();
        await fillLog({ logStore }, 5);
        await checkpoints.save({ meta: snapshotMeta(2), changes: changesOf([row('a', 1)]) });
        expectSame((await logStore.load()).checkpoint, snapshotMeta(2), 'the checkpoint of the second load');
        await checkpoints.save({ meta: snapshotMeta(4), changes: changesOf([row('b', 2)]) });
        await checkpoints.compactLog(position(4, 1));
        const durable = await logStore.load();
        expectLog(durable, [4, 1], [command(5, 1)]);
        await logStore.persist(append(command(6, 1)));
        expectSame(await savedRows(checkpoints), [row('a', 1), row('b', 2)], 'the rows');
      }),
  },
];
