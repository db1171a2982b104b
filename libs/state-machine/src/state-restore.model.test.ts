import { isDeepStrictEqual } from 'node:util';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ByteSource } from './byte-source.js';
import { StateBuilder } from './state-builder.js';
import { takeStateChanges } from './state-changes.js';
import { decodeMeta } from './section-rows.js';
import { SECTIONS, type StateRow } from './state-rows.js';
import { live, lives } from './test-support/arbitrary-life.js';
import { everythingReadable } from './test-support/everything-readable.js';
import { RowStore, rowsOf } from './test-support/row-store.js';
import { TestMachine } from './test-support/test-machine.js';

const PROPERTY_RUNS = 80;
const STEPS_BEFORE = 50;
const STEPS_AFTER = 25;

/** Quick for what is equal, and with a difference to read for what is not. */
function expectSame(actual: unknown, expected: unknown): void {
  if (!isDeepStrictEqual(actual, expected)) expect(actual).toEqual(expected);
}

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

/** All rows of a state that is built from rows, encoded anew. */
function rebuilt(rows: readonly StateRow[]): StateRow[] {
  const [first, ...others] = rows;
  if (first === undefined) throw new Error('no rows');
  const meta = decodeMeta(first);
  const builder = new StateBuilder(meta);
  for (const row of others) builder.add(row);
  return new RowStore().save(takeStateChanges(builder.finish(), meta.position)).rows;
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

  it('has the same rows as it was made from, and as a machine that is asked for rows only at the end', () => {
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
        const rows = withoutPositions(store.rows, compactRevision);
        expectSame(withoutPositions(rebuilt(store.rows), compactRevision), rows);
        expectSame(withoutPositions(rowsOf(untold.state), compactRevision), rows);
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
