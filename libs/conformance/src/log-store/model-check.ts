import * as fc from 'fast-check';
import { logIndex, term, type HardState, type LogEntry } from '@latchkey/raft';
import type { PersistBatch } from '@latchkey/replica';
import type { ConformanceCheck } from '../conformance-check.js';
import { expectSame } from '../expectations.js';
import { durableState, hardState, membership, N1, N2, noop, replaceFrom } from './log-samples.js';
import { onNewPlace, type LogStoreFactory, type PlaceUnderTest } from './log-store-place.js';

const SEED = 20_240_517;
const RUNS = 20;
const MAX_STEPS = 15;
const MAX_ENTRIES_PER_STEP = 6;
const MAX_DATA_BYTES = 400;

type Step = {
  /** Part of the log that is kept; 1 keeps all. */
  readonly keptShare: number;
  readonly data: readonly Uint8Array[];
  readonly kind: 'command' | 'noop' | 'membership';
  readonly termGrowth: number;
  readonly vote: HardState['votedFor'];
  readonly isRestartedAfter: boolean;
};

const stepArbitrary: fc.Arbitrary<Step> = fc.record({
  keptShare: fc.oneof(fc.constant(1), fc.double({ min: 0, max: 1, noNaN: true })),
  data: fc.array(fc.uint8Array({ maxLength: MAX_DATA_BYTES }), { maxLength: MAX_ENTRIES_PER_STEP }),
  kind: fc.constantFrom('command', 'command', 'command', 'noop', 'membership'),
  termGrowth: fc.integer({ min: 0, max: 2 }),
  vote: fc.constantFrom(null, N1, N2),
  isRestartedAfter: fc.boolean(),
});

type Model = { hardState: HardState; entries: LogEntry[] };

/** Any sequence of persists, compared with a model that is an array. */
export const modelCheck: ConformanceCheck<LogStoreFactory> = {
  name: 'whatever is appended, cut and voted, a restart finds exactly that',
  run: (factory) =>
    onNewPlace(factory, async (place) => {
      const model: Model = { hardState: hardState(0), entries: [] };
      const property = fc.asyncProperty(fc.array(stepArbitrary, { maxLength: MAX_STEPS }), (steps) =>
        runSteps(place, model, steps),
      );
      await fc.assert(property, { numRuns: RUNS, seed: SEED, endOnFailure: true });
    }),
};

/** Every run uses the same place, emptied first: making a place can be slow. */
async function runSteps(place: PlaceUnderTest, model: Model, steps: readonly Step[]): Promise<void> {
  let { store } = await place.restart();
  if (model.entries.length > 0) await store.persist(replaceFrom(1));
  model.entries = [];
  for (const step of steps) {
    const batch = batchOf(model, step);
    if (batch === null) continue;
    await store.persist(batch);
    advance(model, batch);
    if (!step.isRestartedAfter) continue;
    const restarted = await place.restart();
    expectSame(restarted.durable, durableState(model.hardState, model.entries), 'the state after a restart');
    store = restarted.store;
  }
  const { durable } = await place.restart();
  expectSame(durable, durableState(model.hardState, model.entries), 'the state at the end');
}

function batchOf(model: Model, step: Step): PersistBatch | null {
  const keptCount = Math.floor(model.entries.length * step.keptShare);
  const entryTerm = model.hardState.currentTerm + step.termGrowth;
  const entries = step.data.map((data, position) => entryOf(step, keptCount + 1 + position, entryTerm, data));
  const truncateFrom = keptCount < model.entries.length ? logIndex(keptCount + 1) : null;
  const state = step.termGrowth > 0 ? hardState(entryTerm, step.vote) : null;
  if (state === null && truncateFrom === null && entries.length === 0) return null;
  return { hardState: state, truncateFrom, entries };
}

function entryOf(step: Step, index: number, entryTerm: number, data: Uint8Array): LogEntry {
  switch (step.kind) {
    case 'command':
      return { type: 'command', index: logIndex(index), term: term(entryTerm), data };
    case 'noop':
      return noop(index, entryTerm);
    case 'membership':
      return membership(index, entryTerm);
  }
}

function advance(model: Model, batch: PersistBatch): void {
  if (batch.truncateFrom !== null) model.entries = model.entries.slice(0, batch.truncateFrom - 1);
  model.entries = [...model.entries, ...batch.entries];
  model.hardState = batch.hardState ?? model.hardState;
}
