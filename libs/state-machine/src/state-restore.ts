import type { ReplicatedState } from './apply-context.js';
import { MalformedCommandBatch } from './byte-source.js';
import { checkRows, CorruptStateRows } from './corrupt-state-rows.js';
import { invariant } from './invariant.js';
import { decodeMeta, type AppliedPosition } from './section-rows.js';
import { StateBuilder } from './state-builder.js';
import { SECTIONS, type StateRow } from './state-rows.js';

type Restored = { readonly state: ReplicatedState; readonly position: AppliedPosition };

const NO_KEY = new Uint8Array(0);

/** Another state being built from rows, beside the one in use. Given up by forgetting it. */
export class StateRestore {
  readonly #install: (restored: Restored) => void;
  readonly #present: ReplicatedState;
  #builder: StateBuilder | null = null;
  /** Of what is left to do, once all rows are there. */
  #steps: Generator<undefined, ReplicatedState> | null = null;
  #built: ReplicatedState | null = null;
  #lastKey: Uint8Array = NO_KEY;
  #isOver = false;

  /** @param present stays in use until `install` is called */
  constructor(present: ReplicatedState, install: (restored: Restored) => void) {
    this.#present = present;
    this.#install = install;
  }

  /**
   * Takes the next rows, in the order of their keys. Keeps nothing of the arrays.
   * @throws CorruptStateRows when they cannot be rows of a state; the restore is over then.
   */
  add(rows: readonly StateRow[]): void {
    invariant(!this.#isOver, 'rows after the end of a restore');
    invariant(this.#steps === null, 'rows after the last one');
    this.#endingOnThrow(() => {
      for (const row of rows) {
        checkRows(isBefore(this.#lastKey, row.key), 'rows out of order, or one of them twice');
        this.#lastKey = row.key;
        this.#addRow(row);
      }
    });
    this.#builder?.settle();
    this.#lastKey = new Uint8Array(this.#lastKey);
  }

  /**
   * All rows are there: does the next millisecond or two of what is left to do, of which `finish` would do all at once.
   * Whether something is still left.
   * @throws CorruptStateRows when something is missing; the restore is over then.
   */
  prepare(): boolean {
    invariant(!this.#isOver, 'steps after the end of a restore');
    if (this.#built !== null) return false;
    this.#endingOnThrow(() => {
      checkRows(this.#builder !== null, 'no rows');
      this.#steps ??= this.#builder.finish();
      const step = this.#steps.next();
      if (step.done === true) this.#built = step.value;
    });
    this.#builder?.settle();
    return this.#built === null;
  }

  /**
   * The rows were those of the state after the entry at `position`: it takes the place of the present one.
   * @throws CorruptStateRows when something is missing, or they are the rows of another position.
   */
  finish(position: AppliedPosition): void {
    invariant(!this.#isOver, 'a restore ends once');
    this.#endingOnThrow(() => {
      checkRows(this.#builder !== null, 'no rows');
      const { index, term } = this.#builder.position;
      const expected = index === position.index && term === position.term;
      checkRows(expected, `rows of entry ${index} (term ${term}) for entry ${position.index} (term ${position.term})`);
    });
    while (this.prepare());
    this.#isOver = true;
    const state = this.#built;
    invariant(state !== null, 'a prepared state is there');
    this.#install({ state, position });
  }

  /** With one kind of error for all that can be wrong with rows. */
  #endingOnThrow(work: () => void): void {
    this.#isOver = true;
    try {
      work();
    } catch (error) {
      if (error instanceof MalformedCommandBatch) throw new CorruptStateRows(error.message, { cause: error });
      throw error;
    }
    this.#isOver = false;
  }

  #addRow(row: StateRow): void {
    if (this.#builder !== null) return this.#builder.add(row);
    checkRows(row.key[0] === SECTIONS.meta, 'the first row is not the meta row');
    this.#builder = new StateBuilder(decodeMeta(row), this.#present.keySpace);
  }
}

function isBefore(left: Uint8Array, right: Uint8Array): boolean {
  const shorter = Math.min(left.length, right.length);
  for (let index = 0; index < shorter; index += 1) {
    const difference = (left[index] ?? 0) - (right[index] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return left.length < right.length;
}
