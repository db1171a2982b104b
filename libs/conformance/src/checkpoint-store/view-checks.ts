import type { ConformanceCheck } from '../conformance-check.js';
import { expectSame, expectThat } from '../expectations.js';
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
import { onNewCheckpointPlace, type CheckpointStoreFactory } from './checkpoint-store-place.js';

const VIEWED_ROWS = 500;
const VIEW_PAGE_BYTES = 1_000;
/** Of `key/000000` and 8 bytes of value. */
const ROW_BYTES = 18;

/** A view shows one checkpoint, whatever happens meanwhile. */
export const viewChecks: readonly ConformanceCheck<CheckpointStoreFactory>[] = [
  {
    name: 'a view goes on showing its checkpoint while later ones are saved',
    run: (factory) =>
      onNewCheckpointPlace(factory, async (place) => {
        const { logStore, checkpoints } = await place.start();
        await fillLog({ logStore }, 9);
        const first = rows(VIEWED_ROWS, 1);
        await checkpoints.save({ meta: snapshotMeta(2), changes: pagesOf(first, 100) });
        const view = await openedView(checkpoints);
        const beginning = await view.nextPage(VIEW_PAGE_BYTES);
        const second = [row('key/!', 1), ...rows(VIEWED_ROWS, 7).slice(100), row('key/~', 2)];
        await checkpoints.save({ meta: snapshotMeta(3), changes: pagesOf(second, 100) });
        await checkpoints.save({ meta: snapshotMeta(4), changes: changesOf(first.slice(300).map(asRemoved)) });
        const seen = [...(beginning ?? []), ...(await restOf(view, VIEW_PAGE_BYTES))];
        expectSame(view.meta, snapshotMeta(2), 'its place');
        expectSame(seen, first, 'what the view shows');
        await view.close();
      }),
  },
  {
    name: 'a view goes on showing its checkpoint while snapshots are staged and installed over it',
    run: (factory) =>
      onNewCheckpointPlace(factory, async (place) => {
        const { logStore, checkpoints } = await place.start();
        await fillLog({ logStore }, 3);
        const first = rows(VIEWED_ROWS, 1);
        await checkpoints.save({ meta: snapshotMeta(2), changes: pagesOf(first, 100) });
        const view = await openedView(checkpoints);
        const beginning = await view.nextPage(VIEW_PAGE_BYTES);
        for (const index of [10, 20, 30]) {
          const staging = await staged(checkpoints, snapshotMeta(index), [rows(VIEWED_ROWS, index)]);
          await checkpoints.installSnapshot({ staging, hardState: null, keepsTail: false });
          await checkpoints.compactLog(snapshotMeta(index));
        }
        const seen = [...(beginning ?? []), ...(await restOf(view, VIEW_PAGE_BYTES))];
        expectSame(seen, first, 'what the view shows');
        await view.close();
        expectSame(await savedRows(checkpoints, VIEW_PAGE_BYTES), rows(VIEWED_ROWS, 30), 'what a new one shows');
      }),
  },
  {
    name: 'two views show two checkpoints',
    run: (factory) =>
      onNewCheckpointPlace(factory, async (place) => {
        const { logStore, checkpoints } = await place.start();
        await fillLog({ logStore }, 9);
        await checkpoints.save({ meta: snapshotMeta(2), changes: changesOf([row('a', 1), row('b', 1)]) });
        const older = await openedView(checkpoints);
        await checkpoints.save({ meta: snapshotMeta(4), changes: changesOf([row('a', 2), removed('b')]) });
        const younger = await openedView(checkpoints);
        expectSame([older.meta, younger.meta], [snapshotMeta(2), snapshotMeta(4)], 'their places');
        expectSame(await restOf(younger), [row('a', 2)], 'what the younger one shows');
        expectSame(await restOf(older), [row('a', 1), row('b', 1)], 'what the older one shows');
        await older.close();
        await younger.close();
      }),
  },
  {
    name: 'pages are about as large as asked for, have at least one row, and end with null for good',
    run: (factory) =>
      onNewCheckpointPlace(factory, async (place) => {
        const { logStore, checkpoints } = await place.start();
        await fillLog({ logStore }, 3);
        const all = rows(VIEWED_ROWS, 1);
        await checkpoints.save({ meta: snapshotMeta(2), changes: pagesOf(all, 100) });
        const view = await openedView(checkpoints);
        const tiny = await view.nextPage(1);
        expectSame(tiny, all.slice(0, 1), 'a page of one byte');
        const seen = [...(tiny ?? [])];
        for (
          let page = await view.nextPage(VIEW_PAGE_BYTES);
          page !== null;
          page = await view.nextPage(VIEW_PAGE_BYTES)
        ) {
          expectThat(
            page.length * ROW_BYTES <= VIEW_PAGE_BYTES + ROW_BYTES,
            `a page of ${page.length} rows is no larger`,
          );
          seen.push(...page);
        }
        expectSame(seen, all, 'all pages together');
        expectSame(await view.nextPage(VIEW_PAGE_BYTES), null, 'what follows the end');
        await view.close();
        await view.close();
      }),
  },
  {
    name: 'a view that is closed in the middle holds nothing up',
    run: (factory) =>
      onNewCheckpointPlace(factory, async (place) => {
        const { logStore, checkpoints } = await place.start();
        await fillLog({ logStore }, 9);
        await checkpoints.save({ meta: snapshotMeta(2), changes: changesOf(rows(VIEWED_ROWS, 1)) });
        for (let index = 3; index < 9; index += 1) {
          const view = await openedView(checkpoints);
          await view.nextPage(VIEW_PAGE_BYTES);
          await view.close();
          await checkpoints.save({ meta: snapshotMeta(index), changes: changesOf([row('a', index)]) });
        }
        expectSame((await openedView(checkpoints)).meta, snapshotMeta(8), 'the checkpoint at the end');
      }),
  },
];

function asRemoved({ key }: { readonly key: Uint8Array }): { readonly key: Uint8Array; readonly value: null } {
  return { key, value: null };
}
