import { InvariantViolation, type LogEntry } from '@latchkey/raft';
import type { DurableState, PersistBatch } from '@latchkey/replica';
import type { ConformanceCheck } from '../conformance-check.js';
import { expectFailure, expectSame, expectThat } from '../expectations.js';
import { append, command, commands, hardState, N1, N2, position, replaceFrom } from '../log-store/log-samples.js';
import { changesOf, fillLog, row, savedRows, snapshotMeta } from './checkpoint-samples.js';
import { onNewCheckpointPlace, type CheckpointStoreFactory, type NodeStores } from './checkpoint-store-place.js';

const CYCLES = 12;
const ENTRIES_PER_CYCLE = 10;
const OVERLAPPING_PERSISTS = 30;

/** The batches 1 to 5, 6 to 9, and 10 to 12 of term 2. */
const BATCHES: readonly PersistBatch[] = [
  append(...commands(1, 5, 1)),
  append(...commands(6, 9, 1)),
  { hardState: hardState(2, N1), truncateFrom: null, entries: commands(10, 12, 2) },
];

/** The log loses its head, and nothing else (Raft §7, FAILURE-MODES 20). */
export const compactionChecks: readonly ConformanceCheck<CheckpointStoreFactory>[] = [
  check('a log that is compacted where a batch ends begins after it', { base: [9, 1] }, [], commands(10, 12, 2)),
  check(
    'a log that is compacted inside a batch begins inside it',
    { base: [7, 1] },
    [],
    [...commands(8, 9, 1), ...commands(10, 12, 2)],
  ),
  check(
    'a log that is compacted inside its first batch begins inside it',
    { base: [1, 1] },
    [],
    [...commands(2, 9, 1), ...commands(10, 12, 2)],
  ),
  check(
    'a log that is compacted to its end is empty and goes on behind it',
    { base: [12, 2] },
    [append(...commands(13, 15, 2))],
    commands(13, 15, 2),
  ),
  check(
    'a compacted log can be truncated to nothing and go on',
    { base: [9, 1] },
    [replaceFrom(10), append(...commands(10, 11, 3))],
    commands(10, 11, 3),
  ),
  check(
    'a log that begins inside a batch can be truncated to nothing and go on',
    { base: [7, 1] },
    [replaceFrom(8, ...commands(8, 8, 3)), append(...commands(9, 10, 3))],
    commands(8, 10, 3),
  ),
  check(
    'a log that begins inside a batch can be truncated inside that batch',
    { base: [6, 1] },
    [replaceFrom(9, command(9, 3)), append(command(10, 3))],
    [...commands(7, 8, 1), ...commands(9, 10, 3)],
  ),
  {
    name: 'compacting to where the log begins already, or before, changes nothing',
    run: (factory) =>
      onNewCheckpointPlace(factory, async (place) => {
        const stores = await place.start();
        await writeBatches(stores);
        for (const [index, entryTerm] of [
          [7, 1],
          [7, 1],
          [5, 1],
        ] as const) {
          await stores.checkpoints.compactLog(position(index, entryTerm));
        }
        const { durable } = await place.restart();
        expectLog(durable, [7, 1], [...commands(8, 9, 1), ...commands(10, 12, 2)]);
      }),
  },
  {
    name: 'compaction between persists, over and over, loses nothing above the base',
    run: (factory) =>
      onNewCheckpointPlace(factory, async (place) => {
        let stores: NodeStores = await place.start();
        for (let cycle = 1; cycle <= CYCLES; cycle += 1) {
          const last = cycle * ENTRIES_PER_CYCLE;
          await stores.logStore.persist(append(...commands(last - ENTRIES_PER_CYCLE + 1, last - 4, 1)));
          await stores.logStore.persist(append(...commands(last - 3, last, 1)));
          const checkpoint = {
            meta: snapshotMeta(last - 2),
            changes: changesOf([row('a', cycle), row(`k${cycle}`, 1)]),
          };
          await stores.checkpoints.save(checkpoint);
          // Sometimes inside a batch, sometimes at an end of one.
          const base = last - 2 - (cycle % 3);
          await stores.checkpoints.compactLog(position(base, 1));
          if (cycle % 2 === 0) continue;
          const restarted = await place.restart();
          expectLog(restarted.durable, [base, 1], commands(base + 1, last, 1));
          expectSame(restarted.durable.checkpoint, snapshotMeta(last - 2), 'the checkpoint');
          stores = restarted;
        }
      }),
  },
  {
    name: 'persists, saves and compactions that overlap do not disturb each other',
    run: (factory) =>
      onNewCheckpointPlace(factory, async (place) => {
        const { logStore, checkpoints } = await place.start();
        await writeBatches({ logStore, checkpoints }, 9);
        const persist = async () => {
          for (let index = 13; index < 13 + OVERLAPPING_PERSISTS; index += 1) {
            await logStore.persist(append(command(index, 2)));
          }
        };
        const checkpoint = async () => {
          for (const index of [10, 11, 12]) {
            const isSaved = checkpoints.save({ meta: snapshotMeta(index, 2), changes: changesOf([row('a', index)]) });
            await Promise.all([isSaved, checkpoints.compactLog(position(index - 2, index === 12 ? 2 : 1))]);
          }
        };
        await Promise.all([persist(), checkpoint()]);
        const restarted = await place.restart();
        expectLog(restarted.durable, [10, 2], commands(11, 12 + OVERLAPPING_PERSISTS, 2));
        expectSame(restarted.durable.checkpoint, snapshotMeta(12, 2), 'the checkpoint');
        expectSame(await savedRows(restarted.checkpoints), [row('a', 12), row('b', 2)], 'its rows');
      }),
  },
  {
    name: 'compaction touches neither rows nor hard state',
    run: (factory) =>
      onNewCheckpointPlace(factory, async (place) => {
        const stores = await place.start();
        await writeBatches(stores);
        const votes = { hardState: hardState(7, N2), truncateFrom: null, entries: [] };
        await stores.logStore.persist(votes);
        await stores.checkpoints.compactLog(position(9, 1));
        const restarted = await place.restart();
        expectSame(restarted.durable.hardState, votes.hardState, 'the hard state');
        expectSame(restarted.durable.checkpoint, snapshotMeta(12, 2), 'the checkpoint');
        expectSame(await savedRows(restarted.checkpoints), [row('a', 1), row('b', 2)], 'its rows');
      }),
  },
  {
    name: 'what contradicts the base is refused as a bug: compaction beyond the checkpoint, truncation, an append with a hole',
    run: (factory) =>
      onNewCheckpointPlace(factory, async (place) => {
        const { logStore, checkpoints } = await place.start();
        await fillLog({ logStore }, 9);
        await checkpoints.save({ meta: snapshotMeta(6), changes: changesOf() });
        await refused(() => checkpoints.compactLog(position(7, 1)), 'a compaction beyond the checkpoint');
        await checkpoints.compactLog(position(6, 1));
        await refused(() => logStore.persist(replaceFrom(6, command(6, 2))), 'a truncation of a compacted entry');
        await refused(() => logStore.persist(replaceFrom(2)), 'a truncation far below the base');
        await refused(() => logStore.persist(append(command(8, 1))), 'an append that overlaps');
        const { durable } = await place.restart();
        expectLog(durable, [6, 1], commands(7, 9, 1));
      }),
  },
];

function check(
  name: string,
  { base }: { readonly base: readonly [number, number] },
  after: readonly PersistBatch[],
  expected: readonly LogEntry[],
): ConformanceCheck<CheckpointStoreFactory> {
  return {
    name,
    run: (factory) =>
      onNewCheckpointPlace(factory, async (place) => {
        const stores = await place.start();
        // A truncation must stay above the checkpoint, as it does in Raft, where only committed entries are applied.
        const checkpointIndex = after.some(({ truncateFrom }) => truncateFrom !== null) ? base[0] : 12;
        await writeBatches(stores, checkpointIndex);
        await stores.checkpoints.compactLog(position(...base));
        for (const batch of after) await stores.logStore.persist(batch);
        const { durable } = await place.restart();
        expectLog(durable, base, expected);
      }),
  };
}

async function writeBatches({ logStore, checkpoints }: NodeStores, checkpointIndex = 12): Promise<void> {
  for (const batch of BATCHES) await logStore.persist(batch);
  const meta = snapshotMeta(checkpointIndex, checkpointIndex >= 10 ? 2 : 1);
  await checkpoints.save({ meta, changes: changesOf([row('a', 1), row('b', 2)]) });
}

export function expectLog(
  { base, entries }: DurableState,
  expectedBase: readonly [number, number],
  expected: readonly LogEntry[],
): void {
  expectSame(base, position(...expectedBase), 'the base of the log');
  expectSame(entries, expected, 'the entries above the base');
}

async function refused(call: () => Promise<unknown>, situation: string): Promise<void> {
  const error = await expectFailure(call, situation);
  expectThat(error instanceof InvariantViolation, `the refusal is an InvariantViolation (${String(error)})`);
}
