import * as fc from 'fast-check';
import { logIndex, term, type LogEntry, type LogPosition, type SnapshotMeta } from '@latchkey/raft';
import type { DurableState, StateRow, StateRowChange } from '@latchkey/replica';
import type { ConformanceCheck } from '../conformance-check.js';
import { expectSame } from '../expectations.js';
import { hardState, N2, position } from '../log-store/log-samples.js';
import { pagesOf, savedRows, snapshotMeta, staged } from './checkpoint-samples.js';
import {
  onNewCheckpointPlace,
  type CheckpointPlaceUnderTest,
  type CheckpointStoreFactory,
  type NodeStores,
} from './checkpoint-store-place.js';

const SEED = 20_261_130;
const RUNS = 12;
const MAX_STEPS = 20;
const MAX_ENTRIES = 6;
const MAX_CHANGES = 12;
const MAX_KEY_BYTES = 2;
const MAX_VALUE_BYTES = 60;
const CHANGES_PER_PAGE = 3;

type Step =
  | { readonly type: 'persist'; readonly data: readonly Uint8Array[]; readonly kept: number; readonly growth: number }
  | { readonly type: 'save'; readonly at: number; readonly changes: readonly StateRowChange[] }
  | { readonly type: 'compact'; readonly at: number }
  | { readonly type: 'install'; readonly at: number; readonly keepsTail: boolean; readonly rows: readonly StateRow[] }
  | { readonly type: 'restart' };

/** Of what there is to choose from: 1 is the end. */
const share = fc.oneof(fc.constant(1), fc.double({ min: 0, max: 1, noNaN: true }));
const key = fc.uint8Array({ minLength: 1, maxLength: MAX_KEY_BYTES });
const value = fc.uint8Array({ maxLength: MAX_VALUE_BYTES });
const byKey = { selector: (row: { readonly key: Uint8Array }) => textOf(row.key), maxLength: MAX_CHANGES };

const stepArbitrary: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constant('persist' as const),
      data: fc.array(value, { maxLength: MAX_ENTRIES }),
      kept: share,
      growth: fc.nat({ max: 1 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant('save' as const),
      at: share,
      changes: fc.uniqueArray(fc.record({ key, value: fc.option(value) }), byKey),
    }),
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('compact' as const), at: share }) },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant('install' as const),
      at: fc.double({ min: 0, max: 1.5, noNaN: true }),
      keepsTail: fc.boolean(),
      rows: fc.uniqueArray(fc.record({ key, value }), byKey),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ type: 'restart' as const }) },
);

/** Any sequence of calls, compared with plain lists. */
export const checkpointModelCheck: ConformanceCheck<CheckpointStoreFactory> = {
  name: 'whatever is appended, checkpointed, compacted and installed, a restart finds exactly that',
  run: (factory) =>
    onNewCheckpointPlace(factory, async (place) => {
      // Every run goes on where the one before ended: making a place can be slow.
      const model = new Model();
      const property = fc.asyncProperty(fc.array(stepArbitrary, { maxLength: MAX_STEPS }), async (steps) => {
        let stores = await restarted(place, model);
        for (const step of steps) stores = await take(step, { place, model, stores });
        await restarted(place, model);
      });
      await fc.assert(property, { numRuns: RUNS, seed: SEED, endOnFailure: true });
    }),
};

/** What a node's stores hold. */
class Model {
  currentTerm = 0;
  base: LogPosition = position(0, 0);
  entries: LogEntry[] = [];
  checkpoint: SnapshotMeta | null = null;
  readonly rows = new Map<string, StateRow>();

  get lastIndex(): number {
    return this.base.index + this.entries.length;
  }

  positionAt(index: number): LogPosition {
    return index === this.base.index
      ? this.base
      : position(index, this.entries[index - this.base.index - 1]?.term ?? 0);
  }

  get durable(): DurableState {
    const { base, entries, checkpoint } = this;
    return { hardState: hardState(this.currentTerm, N2), base, entries, checkpoint };
  }

  get sortedRows(): StateRow[] {
    return [...this.rows].sort(([one], [two]) => (one < two ? -1 : 1)).map(([, row]) => row);
  }
}

type Story = { readonly place: CheckpointPlaceUnderTest; readonly model: Model; readonly stores: NodeStores };

async function restarted(place: CheckpointPlaceUnderTest, model: Model): Promise<NodeStores> {
  const { durable, ...stores } = await place.restart();
  if (model.currentTerm === 0) {
    model.currentTerm = 1;
    await stores.logStore.persist({ hardState: hardState(1, N2), truncateFrom: null, entries: [] });
    return stores;
  }
  expectSame(durable, model.durable, 'the state after a restart');
  if (model.checkpoint !== null) expectSame(await savedRows(stores.checkpoints), model.sortedRows, 'its rows');
  return stores;
}

async function take(step: Step, { place, model, stores }: Story): Promise<NodeStores> {
  switch (step.type) {
    case 'persist':
      await persist(step, model, stores);
      return stores;
    case 'save':
      await save(step, model, stores);
      return stores;
    case 'compact':
      await compact(step, model, stores);
      return stores;
    case 'install':
      await install(step, model, stores);
      return stores;
    case 'restart':
      return restarted(place, model);
  }
}

async function persist(
  step: Extract<Step, { type: 'persist' }>,
  model: Model,
  { logStore }: NodeStores,
): Promise<void> {
  // What is checkpointed is committed, and what is committed is never truncated.
  const kept = between(model.checkpoint?.index ?? model.base.index, model.lastIndex, step.kept);
  model.currentTerm += step.growth;
  const entries = step.data.map((data, at): LogEntry => {
    return { type: 'command', index: logIndex(kept + 1 + at), term: term(model.currentTerm), data };
  });
  const truncateFrom = kept < model.lastIndex ? logIndex(kept + 1) : null;
  await logStore.persist({ hardState: hardState(model.currentTerm, N2), truncateFrom, entries });
  model.entries = [...model.entries.slice(0, kept - model.base.index), ...entries];
}

async function save(step: Extract<Step, { type: 'save' }>, model: Model, { checkpoints }: NodeStores): Promise<void> {
  const index = between(Math.max(1, model.checkpoint?.index ?? model.base.index), model.lastIndex, step.at);
  if (index > model.lastIndex) return;
  const meta = snapshotMeta(index, model.positionAt(index).term);
  await checkpoints.save({ meta, changes: pagesOf(step.changes, CHANGES_PER_PAGE) });
  model.checkpoint = meta;
  for (const change of step.changes) {
    if (change.value === null) model.rows.delete(textOf(change.key));
    else model.rows.set(textOf(change.key), { key: change.key, value: change.value });
  }
}

async function compact(
  { at }: Extract<Step, { type: 'compact' }>,
  model: Model,
  { checkpoints }: NodeStores,
): Promise<void> {
  if (model.checkpoint === null) return;
  const base = model.positionAt(between(model.base.index, model.checkpoint.index, at));
  await checkpoints.compactLog(base);
  model.entries = model.entries.slice(base.index - model.base.index);
  model.base = base;
}

async function install(
  step: Extract<Step, { type: 'install' }>,
  model: Model,
  { checkpoints }: NodeStores,
): Promise<void> {
  const index = between((model.checkpoint?.index ?? model.base.index) + 1, model.lastIndex + 1, step.at);
  const isInLog = index <= model.lastIndex;
  const meta = snapshotMeta(index, isInLog ? model.positionAt(index).term : model.currentTerm);
  const staging = await staged(checkpoints, meta, pagesOf(sorted(step.rows), CHANGES_PER_PAGE));
  const keepsTail = isInLog && step.keepsTail;
  await checkpoints.installSnapshot({ staging, hardState: null, keepsTail });
  model.entries = keepsTail ? model.entries.slice(index - model.base.index) : [];
  model.base = position(meta.index, meta.term);
  model.checkpoint = meta;
  model.rows.clear();
  for (const row of step.rows) model.rows.set(textOf(row.key), row);
}

function between(first: number, last: number, at: number): number {
  return first + Math.floor(Math.max(0, last - first) * at);
}

function sorted(rows: readonly StateRow[]): StateRow[] {
  return rows.toSorted((one, two) => (textOf(one.key) < textOf(two.key) ? -1 : 1));
}

/** One character for each byte: sorts as the bytes do. */
function textOf(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}
