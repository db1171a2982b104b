import * as fc from 'fast-check';
import { describe, it } from 'vitest';
import { ByteSource } from './byte-source.js';
import { SECTIONS, type StateRow } from './state-rows.js';
import { live, lives } from './test-support/arbitrary-life.js';
import { everythingReadable } from './test-support/everything-readable.js';
import { expectSame } from './test-support/expect-same.js';
import { RowStore, rowsOf } from './test-support/row-store.js';
import { TestMachine } from './test-support/test-machine.js';

const SEED = 7_301;
const PROPERTY_RUNS = 80;
/** Each lives three lives. */
const BESIDE_RUNS = 40;
const STEPS_BEFORE = 50;
const STEPS_AFTER = 25;
const META_ROWS = 1;

const positionOf = (machine: TestMachine) => ({ index: machine.state.lastApplied, term: machine.term });

/** The position of a version means nothing at or below the compacted revision, so it may differ. */
function withoutPositions(rows: readonly StateRow[], compactRevision: number): StateRow[] {
  return rows.map(({ key, value }) => {
    if (key[0] !== SECTIONS.versions) return { key, value };
    const source = new ByteSource(key);
    source.byte();
    return {
      key,
      value: source.uint64() > compactRevision ? value : value.with(4, 0).with(3, 0).with(2, 0).with(1, 0),
    };
  });
}

/** Entries after which nothing is left of what compaction has made unreadable, in these tests. */
const ENTRIES_TO_SWEEP = 50;

/** What the store holds when everything that is unreadable was freed. */
function sweptRows(machine: TestMachine, store: RowStore): StateRow[] {
  for (let entry = 0; entry < ENTRIES_TO_SWEEP; entry += 1) machine.run();
  return store.save(machine.state.takeChanges()).rows;
}

describe('a state restored from its checkpoints, FAILURE-MODES 25, 38, 45', () => {
  it('reads like the one that went on living, and answers all that comes later in the same way', () => {
    fc.assert(
      fc.property(lives(STEPS_BEFORE), lives(STEPS_AFTER), (before, after) => {
        const machine = new TestMachine();
        const store = new RowStore();
        for (const step of before) {
          if (step.type === 'take') store.save(machine.state.takeChanges());
          else live(machine, step);
        }
        store.save(machine.state.takeChanges());
        const second = new TestMachine();
        live(second, { type: 'bulk', keys: 2 });
        store.restoreInto(second.state, positionOf(machine));
        expectSame(everythingReadable(second.state), everythingReadable(machine.state));
        for (const step of after) {
          if (step.type === 'take') store.save(second.state.takeChanges());
          else expectSame(live(second, step), live(machine, step));
        }
        expectSame(everythingReadable(second.state), everythingReadable(machine.state));
        store.save(second.state.takeChanges());
        const third = new TestMachine();
        store.restoreInto(third.state, positionOf(machine));
        expectSame(everythingReadable(third.state), everythingReadable(machine.state));
      }),
      { numRuns: PROPERTY_RUNS },
    );
  });

  it('has the rows that a machine has which is asked for them only at the end', () => {
    fc.assert(
      fc.property(lives(STEPS_BEFORE), (steps) => {
        const machine = new TestMachine();
        const untold = new TestMachine();
        const store = new RowStore();
        for (const step of steps) {
          live(untold, step);
          if (step.type === 'take') store.save(machine.state.takeChanges());
          else live(machine, step);
        }
        store.save(machine.state.takeChanges());
        const { compactRevision } = machine.state;
        expectSame(
          withoutPositions(rowsOf(untold.state), compactRevision),
          withoutPositions(store.rows, compactRevision),
        );
      }),
      { numRuns: PROPERTY_RUNS },
    );
  });

  it('is the same beside whatever other state, of which nothing is left', () => {
    fc.assert(
      fc.property(lives(STEPS_BEFORE), lives(STEPS_AFTER), lives(STEPS_AFTER), (common, after, astray) => {
        const [machine, other] = [new TestMachine(), new TestMachine()];
        for (const step of common) expectSame(live(other, step), live(machine, step));
        for (const step of after) live(machine, step);
        for (const step of astray) live(other, step);
        const rows = rowsOf(machine.state);
        new RowStore().save([rows]).restoreInto(other.state, positionOf(machine));
        expectSame(everythingReadable(other.state), everythingReadable(machine.state));
        for (const step of astray) expectSame(live(other, step), live(machine, step));
        expectSame(everythingReadable(other.state), everythingReadable(machine.state));
      }),
      { seed: SEED, numRuns: BESIDE_RUNS },
    );
  });

  it('gives out none of its rows again, and ends with those of the one that went on living', () => {
    fc.assert(
      fc.property(lives(STEPS_BEFORE), lives(STEPS_AFTER), (before, after) => {
        const machine = new TestMachine();
        const store = new RowStore();
        for (const step of before) if (step.type !== 'take') live(machine, step);
        store.save(machine.state.takeChanges());
        const second = new TestMachine();
        const secondStore = new RowStore().save([store.rows]);
        store.restoreInto(second.state, positionOf(machine));
        expectSame([...second.state.takeChanges()].flat().length, META_ROWS);
        for (const step of after) {
          if (step.type === 'take') secondStore.save(second.state.takeChanges());
          else expectSame(live(second, step), live(machine, step));
        }
        const { compactRevision } = machine.state;
        const expected = withoutPositions(sweptRows(machine, store), compactRevision);
        expectSame(withoutPositions(sweptRows(second, secondStore), compactRevision), expected);
      }),
      { numRuns: PROPERTY_RUNS },
    );
  });

  it('is what was there when the changes were taken, whatever happens before they are read', () => {
    fc.assert(
      fc.property(lives(STEPS_BEFORE), lives(STEPS_AFTER), (before, after) => {
        const machine = new TestMachine();
        const store = new RowStore();
        for (const step of before) {
          if (step.type === 'take') store.save(machine.state.takeChanges());
          else live(machine, step);
        }
        const then = everythingReadable(machine.state);
        const position = positionOf(machine);
        const changes = machine.state.takeChanges();
        const atOnce = [...changes];
        for (const step of after) {
          live(machine, step);
          if (step.type === 'take') machine.state.takeChanges();
        }
        expectSame([...changes], atOnce);
        const second = new TestMachine();
        store.save(changes).restoreInto(second.state, position);
        expectSame(everythingReadable(second.state), then);
      }),
      { numRuns: PROPERTY_RUNS },
    );
  });
});
