import { LogStoreError } from '@latchkey/replica';
import type { ConformanceCheck } from '../conformance-check.js';
import { expectSame, expectThat } from '../expectations.js';
import { append, command, commands, hardState, N1, position } from '../log-store/log-samples.js';
import {
  changesOf,
  fillLog,
  openedView,
  pagesOf,
  removed,
  restOf,
  row,
  rows,
  savedRows,
  snapshotMeta,
  staged,
} from './checkpoint-samples.js';
import { expectLog } from './compaction-checks.js';
import { onNewCheckpointPlace, type InterruptibleCheckpointStoreFactory } from './checkpoint-store-place.js';

const INSTALLED_ROWS = 300;

/** What must hold after a connection was lost in the middle (FAILURE-MODES 27). */
export const interruptedCheckpointChecks: readonly ConformanceCheck<InterruptibleCheckpointStoreFactory>[] = [
  {
    name: 'a save that is interrupted has happened as a whole or not at all, and saving again makes up for it',
    run: (factory) =>
      onNewCheckpointPlace(factory, async (place) => {
        const stores = await place.start();
        const { logStore, checkpoints } = stores;
        await fillLog(stores, 9);
        const before = [row('a', 1), row('b', 2)];
        await checkpoints.save({ meta: snapshotMeta(3), changes: changesOf(before) });
        const next = { meta: snapshotMeta(6), changes: changesOf([row('a', 11)], [removed('b')], [row('c', 13)]) };
        const after = [row('a', 11), row('c', 13)];
        await place.place.interruptNext('save', stores);
        await expectInterruption(() => checkpoints.save(next));
        const view = await openedView(checkpoints);
        expectSame(await restOf(view), view.meta.index === 6 ? after : before, `the rows at ${view.meta.index}`);
        await view.close();
        // The connection of the log may be lost as well.
        expectLog(await logStore.load(), [0, 0], commands(1, 9, 1));
        await logStore.persist(append(command(10, 1)));
        await checkpoints.save(next);
        const restarted = await place.restart();
        expectSame(restarted.durable.checkpoint, next.meta, 'the checkpoint after saving again');
        expectSame(await savedRows(restarted.checkpoints), after, 'its rows');
      }),
  },
  {
    name: 'an installation that is interrupted has happened as a whole or not at all, and a load tells which',
    run: (factory) =>
      onNewCheckpointPlace(factory, async (place) => {
        const stores = await place.start();
        const { logStore, checkpoints } = stores;
        await fillLog(stores, 9);
        await checkpoints.save({ meta: snapshotMeta(3), changes: changesOf([row('a', 1)]) });
        const snapshotRows = rows(INSTALLED_ROWS, 5);
        const staging = await staged(checkpoints, snapshotMeta(40, 4), pagesOf(snapshotRows, 100));
        await place.place.interruptNext('installSnapshot', stores);
        const installation = { staging, hardState: hardState(4, N1), keepsTail: false };
        await expectInterruption(() => checkpoints.installSnapshot(installation));
        const durable = await logStore.load();
        await staging.discard();
        if (durable.checkpoint?.index === 40) {
          expectLog(durable, [40, 4], []);
          expectSame(durable.hardState, hardState(4, N1), 'the hard state of the installation');
          expectSame(await savedRows(checkpoints, 1_000), snapshotRows, 'the rows of the snapshot');
        } else {
          expectLog(durable, [0, 0], commands(1, 9, 1));
          expectSame(durable.hardState, hardState(0), 'the hard state before');
          expectSame(await savedRows(checkpoints), [row('a', 1)], 'the rows before');
          const again = await staged(checkpoints, snapshotMeta(40, 4), [snapshotRows]);
          await checkpoints.installSnapshot({ ...installation, staging: again });
        }
        await logStore.persist(append(command(41, 4)));
        await checkpoints.compactLog(position(40, 4));
        const restarted = await place.restart();
        expectLog(restarted.durable, [40, 4], [command(41, 4)]);
        expectSame(await savedRows(restarted.checkpoints, 1_000), snapshotRows, 'the rows at the end');
      }),
  },
];

/** A store may also notice the loss in time and make up for it by itself. */
async function expectInterruption(call: () => Promise<unknown>): Promise<void> {
  try {
    await call();
  } catch (error) {
    expectThat(error instanceof LogStoreError, `the error is a LogStoreError (${String(error)})`);
    expectThat(
      error.code === 'outcomeUnknown' || error.code === 'unavailable',
      `its code allows to try again (${error.code})`,
    );
  }
}
