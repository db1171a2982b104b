import type { RangeResult, TxnResult, WireOperationResult } from '@latchkey/contracts';
import { KvEntry, entryOrNull } from './kv-entry.js';

/** `revision`: the store's, after the write. `previous` only when it was asked for. */
export type KvPutResult = { readonly revision: number; readonly previous?: KvEntry | null };
export type KvDeleteResult = {
  readonly revision: number;
  readonly deleted: number;
  readonly previous?: readonly KvEntry[];
};
export type KvRangeResult = {
  readonly revision: number;
  readonly entries: readonly KvEntry[];
  /** All keys in the range, whatever the limit. */
  readonly count: number;
  readonly more: boolean;
};
export type KvOperationResult =
  | ({ readonly op: 'put' } & KvPutResult)
  | ({ readonly op: 'delete' } & KvDeleteResult)
  | ({ readonly op: 'range' } & KvRangeResult)
  | ({ readonly op: 'txn' } & KvTxnResult);
export type KvTxnResult = {
  readonly revision: number;
  /** Whether the conditions held: which of the two lists ran. */
  readonly succeeded: boolean;
  /** One per operation, in order. */
  readonly responses: readonly KvOperationResult[];
};

export function rangeResult(result: RangeResult): KvRangeResult {
  const { revision, count, more } = result;
  return { revision, count, more, entries: result.records.map((record) => new KvEntry(record)) };
}

export function txnResult(result: TxnResult): KvTxnResult {
  const { revision, succeeded } = result;
  return { revision, succeeded, responses: result.responses.map(operationResult) };
}

function operationResult(result: WireOperationResult): KvOperationResult {
  switch (result.op) {
    case 'put': {
      const { op, revision, previous } = result;
      return previous === undefined ? { op, revision } : { op, revision, previous: entryOrNull(previous) };
    }
    case 'delete': {
      const { op, revision, deleted, previous } = result;
      if (previous === undefined) return { op, revision, deleted };
      return { op, revision, deleted, previous: previous.map((record) => new KvEntry(record)) };
    }
    case 'range':
      return { op: result.op, ...rangeResult(result) };
    case 'txn':
      return { op: result.op, ...txnResult(result) };
  }
}
