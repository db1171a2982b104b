import {
  leaseId,
  revision,
  type Command,
  type Comparison,
  type DeleteOperation,
  type LeaseId,
  type Operation,
  type PutOperation,
  type TransactionOperation,
} from '@latchkey/state-machine';
import type {
  AcquireRequest,
  DeleteRequest,
  PutRequest,
  TxnRequest,
  WireComparison,
  WireOperation,
  WriteRequest,
} from './write-request.js';
import { bytesOfText, keyOfText, rangeOfWire } from './key-text.js';

const EMPTY_VALUE = new Uint8Array(0);

/** The command of a request that has passed validation. `newLeaseId` serves a grant that chose no id itself. */
export function commandOf(request: WriteRequest, newLeaseId: () => LeaseId): Command {
  switch (request.op) {
    case 'put':
      return putOf(request);
    case 'delete':
      return deleteOf(request);
    case 'txn':
      return transactionOf(request);
    case 'compact':
      return { type: 'compact', revision: revision(request.revision) };
    case 'leaseGrant':
      return {
        type: 'leaseGrant',
        leaseId: request.id === undefined ? newLeaseId() : leaseId(request.id),
        ttlMs: request.ttlMs,
      };
    case 'leaseRevoke':
      return { type: 'leaseRevoke', leaseId: leaseId(request.id) };
    case 'acquire':
      return {
        type: 'queueEnter',
        space: request.space,
        name: bytesOfText(request.name),
        leaseId: leaseId(request.lease),
        wait: request.waitMs !== 0,
        value: queueValue(request),
      };
    case 'release':
      return {
        type: 'queueLeave',
        space: request.space,
        name: bytesOfText(request.name),
        leaseId: leaseId(request.lease),
        onlyIfWaiting: false,
      };
    case 'forceRelease':
      return { type: 'queueEvict', space: request.space, name: bytesOfText(request.name) };
  }
}

/** Bytes that a command adds to its batch, roughly: what batches are cut by. */
export function approximateBytes(command: Command): number {
  const overhead = 96;
  switch (command.type) {
    case 'put':
      return overhead + command.key.length + command.value.byteLength;
    case 'queueEnter':
      return overhead + command.name.length + command.value.byteLength;
    case 'transaction':
      return (
        overhead +
        command.comparisons.reduce(
          (sum, { operand }) => sum + overhead + (operand instanceof Uint8Array ? operand.byteLength : 0),
          0,
        ) +
        [...command.success, ...command.failure].reduce(
          (sum, inner) => sum + (inner.type === 'range' ? overhead : approximateBytes(inner)),
          0,
        )
      );
    default:
      return overhead;
  }
}

function putOf(request: PutRequest): PutOperation {
  return {
    type: 'put',
    key: keyOfText(request.key),
    value: request.value,
    leaseId: request.lease === undefined ? null : leaseId(request.lease),
    expectedModRevision: request.ifRevision === undefined ? null : revision(request.ifRevision),
    wantPrevious: request.previous === true,
    keepValue: false,
    keepLease: false,
  };
}

function deleteOf(request: DeleteRequest): DeleteOperation {
  return {
    type: 'delete',
    range: rangeOfWire(request.range),
    expectedModRevision: request.ifRevision === undefined ? null : revision(request.ifRevision),
    wantPrevious: request.previous === true,
  };
}

function transactionOf(request: TxnRequest): TransactionOperation {
  return {
    type: 'transaction',
    comparisons: request.compare.map(comparisonOf),
    success: request.success.map(operationOf),
    failure: request.failure.map(operationOf),
  };
}

function operationOf(operation: WireOperation): Operation {
  switch (operation.op) {
    case 'put':
      return putOf(operation);
    case 'delete':
      return deleteOf(operation);
    case 'range':
      return {
        type: 'range',
        range: rangeOfWire(operation.range),
        limit: operation.limit ?? 0,
        keysOnly: operation.keysOnly === true,
      };
    case 'txn':
      return transactionOf(operation);
  }
}

function comparisonOf(comparison: WireComparison): Comparison {
  const { result } = comparison;
  const range = rangeOfWire(comparison.range);
  switch (comparison.target) {
    case 'value':
      return { range, result, target: 'value', operand: comparison.operand };
    case 'lease':
      return {
        range,
        result,
        target: 'lease',
        operand: comparison.operand === null ? null : leaseId(comparison.operand),
      };
    default:
      return { range, result, target: comparison.target, operand: comparison.operand };
  }
}

/** A lock's value says how it is held and by whom; an election's is what the candidate proclaims. */
function queueValue(request: AcquireRequest): Uint8Array {
  if (request.space === 'elections') return request.value ?? EMPTY_VALUE;
  return Buffer.from(JSON.stringify({ mode: 'exclusive', owner: request.owner }), 'utf8');
}
