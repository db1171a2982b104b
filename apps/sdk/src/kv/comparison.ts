import type { WireComparison, WireRange } from '@latchkey/contracts';
import type { ValueInput } from './text-codec.js';
import { toBytes } from './text-codec.js';

type Result = WireComparison['result'];

/** `compare('key').version.equals(0)`: each method makes one condition. */
export type Comparable<Operand> = {
  equals(operand: Operand): WireComparison;
  notEquals(operand: Operand): WireComparison;
  greaterThan(operand: Operand): WireComparison;
  lessThan(operand: Operand): WireComparison;
};

export type KeyComparisons = {
  /** 0 = the key does not exist. */
  readonly version: Comparable<number>;
  readonly createRevision: Comparable<number>;
  readonly modRevision: Comparable<number>;
  readonly value: Comparable<ValueInput>;
  readonly lease: Comparable<string | null>;
};

/** Conditions on a key, or on every key of a range, for `kv.txn().if(…)`. */
export function compare(keyOrRange: string | WireRange): KeyComparisons {
  const range = typeof keyOrRange === 'string' ? { key: keyOrRange } : keyOrRange;
  const revision = (target: 'version' | 'createRevision' | 'modRevision'): Comparable<number> =>
    comparable((result, operand) => ({ range, result, target, operand }));
  return {
    version: revision('version'),
    createRevision: revision('createRevision'),
    modRevision: revision('modRevision'),
    value: comparable((result, operand) => ({ range, result, target: 'value', operand: toBytes(operand) })),
    lease: comparable((result, operand) => ({ range, result, target: 'lease', operand })),
  };
}

function comparable<Operand>(make: (result: Result, operand: Operand) => WireComparison): Comparable<Operand> {
  return {
    equals: (operand) => make('equal', operand),
    notEquals: (operand) => make('notEqual', operand),
    greaterThan: (operand) => make('greater', operand),
    lessThan: (operand) => make('less', operand),
  };
}
