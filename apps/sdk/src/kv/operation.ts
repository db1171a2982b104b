import type { WireOperation, WireRange } from '@latchkey/contracts';
import type { ValueInput } from './text-codec.js';
import { toBytes } from './text-codec.js';

export type PutOptions = {
  /** The key vanishes with this lease. */
  readonly lease?: string;
  /** modRevision that the key must have; 0 = it must not exist. */
  readonly ifRevision?: number;
  /** Answer with what was there before. */
  readonly previous?: boolean;
};
export type DeleteOptions = { readonly ifRevision?: number; readonly previous?: boolean };
export type OperationRangeOptions = { readonly limit?: number; readonly keysOnly?: boolean };

export type TransactionParts = {
  readonly compare: Extract<WireOperation, { op: 'txn' }>['compare'];
  readonly success: readonly WireOperation[];
  readonly failure: readonly WireOperation[];
};

/** What may stand in `kv.txn().then(…)` and `.else(…)`. */
export const operation = {
  put: (key: string, value: ValueInput, options: PutOptions = {}): WireOperation => ({
    op: 'put',
    key,
    value: toBytes(value),
    ...options,
  }),
  delete: (keyOrRange: string | WireRange, options: DeleteOptions = {}): WireOperation => ({
    op: 'delete',
    range: toRange(keyOrRange),
    ...options,
  }),
  get: (key: string): WireOperation => ({ op: 'range', range: { key } }),
  range: (range: WireRange, options: OperationRangeOptions = {}): WireOperation => ({ op: 'range', range, ...options }),
  txn: (parts: TransactionParts): WireOperation => ({ op: 'txn', ...parts }),
} as const;

export function toRange(keyOrRange: string | WireRange): WireRange {
  return typeof keyOrRange === 'string' ? { key: keyOrRange } : keyOrRange;
}
