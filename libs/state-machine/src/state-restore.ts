import type { ReplicatedState } from './apply-context.js';
import { MalformedCommandBatch } from './byte-source.js';
import { checkRows, CorruptStateRows } from './corrupt-state-rows.js';
import { invariant } from './invariant.js';
import { decodeMeta, type AppliedPosition } from './section-rows.js';
import { StateBuilder } from './state-builder.js';
import { takeStateChanges } from './state-changes.js';
import { SECTIONS, type StateRow } from './state-rows.js';

type Restored = { readonly state: ReplicatedState; readonly position: AppliedPosition };

const NO_KEY = new Uint8Array(0);

/** Another state being built from rows, beside the one in use. Given up by forgetting it. */
export class StateRestore {
  readonly #install: (restored: Restored) => void;
  #builder: StateBuilder | null = null;
  #lastKey: Uint8Array = NO_KEY;
  #isOver = false;

  constructor(install: (restored: Restored) => void) {
    this.#install = install;
  }

  /**
   * Takes the next rows, in the order of their keys. Keeps nothing of the arrays.
   * @throws CorruptStateRows when they cannot be rows of a state; the restore is over then.
   */
  add(rows: readonly StateRow[]): void {
    invariant(!this.#isOver, 'rows after the end of a restore');
    this.#isOver = true;
    explained(() => {
      for (const row of rows) {
        checkRows(isBefore(this.#lastKey, row.key), 'rows out of order, or one of them twice');
        this.#lastKey = row.key;
        this.#addRow(row);
      }
    });
    this.#lastKey = new Uint8Array(this.#lastKey);
    this.#isOver = false;
  }

  /**
   * The rows were those of the state after the entry at `position`: it takes the place of the present one.
   * @throws CorruptStateRows when something is missing, or they are the rows of another position.
   */
  finish(position: AppliedPosition): void {
    invariant(!this.#isOver, 'a restore ends once');
    this.#isOver = true;
    const state = explained(() => {
      checkRows(this.#builder !== null, 'no rows');
      const { index, term } = this.#builder.position;
      const expected = index === position.index && term === position.term;
      checkRows(expected, `rows of entry ${index} (term ${term}) for entry ${position.index} (term ${position.term})`);
      return this.#builder.finish();
    });
    // All of it is in the rows it came from: what is taken from now on is what changes from now on.
    takeStateChanges(state, position);
    this.#install({ state, position });
  }

  #addRow(row: StateRow): void {
    if (this.#builder !== null) return this.#builder.add(row);
    checkRows(row.key[0] === SECTIONS.meta, 'the first row is not the meta row');
    this.#builder = new StateBuilder(decodeMeta(row));
  }
}

/** One kind of error for all that can be wrong with rows. */
function explained<Result>(read: () => Result): Result {
  try {
    return read();
  } catch (error) {
    if (error instanceof MalformedCommandBatch) throw new CorruptStateRows(error.message, { cause: error });
    throw error;
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
