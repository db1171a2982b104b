import { StateMachine } from '../state-machine.js';
import type { StateChanges, StateRow } from '../state-rows.js';

const ROWS_PER_CALL = 7;

const textOf = (bytes: Uint8Array): string => Array.from(bytes, (byte) => String.fromCharCode(byte)).join('');

/** The rows of the last checkpoint, as a store holds them. */
export class RowStore {
  readonly #rows = new Map<string, StateRow>();

  /** @throws when a key occurs twice */
  save(changes: StateChanges): this {
    const seen = new Set<string>();
    for (const page of changes) {
      for (const { key, value } of page) {
        const name = textOf(key);
        if (seen.has(name)) throw new Error(`two changes of one row: ${JSON.stringify(name)}`);
        seen.add(name);
        if (value === null) this.#rows.delete(name);
        else this.#rows.set(name, { key, value });
      }
    }
    return this;
  }

  /** In key order. */
  get rows(): StateRow[] {
    return [...this.#rows].sort(([left], [right]) => (left < right ? -1 : 1)).map(([, row]) => row);
  }

  valueOf(key: Uint8Array): Uint8Array | null {
    return this.#rows.get(textOf(key))?.value ?? null;
  }

  restoreInto(machine: StateMachine, position: { readonly index: number; readonly term: number }): StateMachine {
    const restore = machine.beginRestore();
    const { rows } = this;
    for (let start = 0; start < rows.length; start += ROWS_PER_CALL)
      restore.add(rows.slice(start, start + ROWS_PER_CALL));
    restore.finish(position);
    return machine;
  }
}

/** All rows of the machine at once, for one of which none were taken yet. */
export const rowsOf = (machine: StateMachine): StateRow[] => new RowStore().save(machine.takeChanges()).rows;

export const restored = (rows: readonly StateRow[], position: { readonly index: number; readonly term: number }) => {
  const machine = new StateMachine();
  const restore = machine.beginRestore();
  restore.add(rows);
  restore.finish(position);
  return machine;
};
