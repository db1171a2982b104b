import type { DeleteResult, PutResult, TxnResult, WireOperationResult, WireRecord } from '@latchkey/contracts';
import type {
  DeleteOutcome,
  KeyRecord,
  OperationOutcome,
  PutOutcome,
  TransactionOutcome,
} from '@latchkey/state-machine';
import type { DeleteRequest, PutRequest, TxnRequest, WireOperation } from './write-request.js';
import { textOfBytes } from './key-text.js';

export function wireRecord(record: KeyRecord): WireRecord {
  return {
    key: textOfBytes(record.key),
    value: record.value,
    createRevision: record.createRevision,
    modRevision: record.modRevision,
    version: record.version,
    lease: record.leaseId,
    updatedAtMs: record.updatedAtMs,
  };
}

export const wireRecordOrNull = (record: KeyRecord | null): WireRecord | null =>
  record === null ? null : wireRecord(record);

export function putResult(request: PutRequest, outcome: PutOutcome): PutResult {
  if (request.previous !== true) return { revision: outcome.revision };
  return { revision: outcome.revision, previous: wireRecordOrNull(outcome.previous) };
}

export function deleteResult(request: DeleteRequest, outcome: DeleteOutcome): DeleteResult {
  const { revision, deletedCount: deleted } = outcome;
  return request.previous === true
    ? { revision, deleted, previous: outcome.previous.map(wireRecord) }
    : { revision, deleted };
}

export function txnResult(request: TxnRequest, outcome: TransactionOutcome): TxnResult {
  const operations = outcome.succeeded ? request.success : request.failure;
  return {
    revision: outcome.revision,
    succeeded: outcome.succeeded,
    responses: outcome.responses.map((response, index) => operationResult(operations[index], response)),
  };
}

function operationResult(operation: WireOperation | undefined, outcome: OperationOutcome): WireOperationResult {
  switch (outcome.type) {
    case 'put':
      return { op: 'put', ...putResult(operation?.op === 'put' ? operation : NOTHING_ASKED, outcome) };
    case 'deleted':
      return { op: 'delete', ...deleteResult(operation?.op === 'delete' ? operation : NOTHING_ASKED, outcome) };
    case 'range': {
      const { revision, count, more } = outcome;
      return { op: 'range', revision, count, more, records: outcome.records.map(wireRecord) };
    }
    case 'transaction':
      return { op: 'txn', ...txnResult(operation?.op === 'txn' ? operation : NOTHING_ASKED, outcome) };
  }
}

/** Stands for an operation that the outcome does not match: a retry under the same identity that asks something else. */
const NOTHING_ASKED = {
  key: '',
  value: new Uint8Array(0),
  range: { prefix: '' },
  compare: [],
  success: [],
  failure: [],
};
