import type { ByteSink } from './byte-sink.js';
import type {
  Command,
  Comparison,
  DeleteOperation,
  Operation,
  PutOperation,
  QueueSpace,
  TransactionOperation,
} from './commands.js';
import {
  COMMAND_TYPES,
  COMPARISON_RESULTS,
  COMPARISON_TARGETS,
  DELETE_FLAGS,
  PUT_FLAGS,
  QUEUE_SPACES,
  RANGE_FORMS,
} from './command-wire.js';
import { assertNever } from './invariant.js';
import { isSingleKey, type KeyRange } from './key-range.js';

/** Writes one command: its type, then its parts. */
export function encodeCommand(sink: ByteSink, command: Command | Operation): void {
  sink.byte(COMMAND_TYPES.indexOf(command.type));
  switch (command.type) {
    case 'put':
      return encodePut(sink, command);
    case 'delete':
      return encodeDelete(sink, command);
    case 'range':
      encodeRange(sink, command.range);
      sink.varint(command.limit);
      return sink.byte(Number(command.keysOnly));
    case 'transaction':
      return encodeTransaction(sink, command);
    case 'leaseGrant':
      sink.leaseId(command.leaseId);
      return sink.varint(command.ttlMs);
    case 'leaseRevoke':
    case 'leaseRenew':
      return sink.leaseId(command.leaseId);
    case 'leaseExpire':
      sink.leaseId(command.leaseId);
      return sink.varint(command.lessorTerm);
    case 'leaseCheckpoint':
      sink.leaseId(command.leaseId);
      sink.varint(command.remainingTtlMs);
      return sink.varint(command.lessorTerm);
    case 'queueEnter':
      encodeQueue(sink, command);
      sink.leaseId(command.leaseId);
      sink.byte(Number(command.wait));
      return sink.bytes(command.value);
    case 'queueLeave':
      encodeQueue(sink, command);
      sink.leaseId(command.leaseId);
      return sink.byte(Number(command.onlyIfWaiting));
    case 'queueEvict':
      return encodeQueue(sink, command);
    case 'compact':
      return sink.varint(command.revision);
    default:
      return assertNever(command);
  }
}

function encodePut(sink: ByteSink, operation: PutOperation): void {
  sink.byte(
    (operation.leaseId === null ? 0 : PUT_FLAGS.lease) |
      (operation.expectedModRevision === null ? 0 : PUT_FLAGS.expected) |
      (operation.wantPrevious ? PUT_FLAGS.wantPrevious : 0) |
      (operation.keepValue ? PUT_FLAGS.keepValue : 0) |
      (operation.keepLease ? PUT_FLAGS.keepLease : 0),
  );
  sink.text(operation.key);
  sink.bytes(operation.value);
  if (operation.leaseId !== null) sink.leaseId(operation.leaseId);
  if (operation.expectedModRevision !== null) sink.varint(operation.expectedModRevision);
}

function encodeDelete(sink: ByteSink, operation: DeleteOperation): void {
  sink.byte(
    (operation.expectedModRevision === null ? 0 : DELETE_FLAGS.expected) |
      (operation.wantPrevious ? DELETE_FLAGS.wantPrevious : 0),
  );
  encodeRange(sink, operation.range);
  if (operation.expectedModRevision !== null) sink.varint(operation.expectedModRevision);
}

function encodeTransaction(sink: ByteSink, { comparisons, success, failure }: TransactionOperation): void {
  sink.varint(comparisons.length);
  for (const comparison of comparisons) encodeComparison(sink, comparison);
  sink.varint(success.length);
  for (const operation of success) encodeCommand(sink, operation);
  sink.varint(failure.length);
  for (const operation of failure) encodeCommand(sink, operation);
}

function encodeComparison(sink: ByteSink, comparison: Comparison): void {
  encodeRange(sink, comparison.range);
  sink.byte(COMPARISON_RESULTS.indexOf(comparison.result));
  sink.byte(COMPARISON_TARGETS.indexOf(comparison.target));
  switch (comparison.target) {
    case 'version':
    case 'createRevision':
    case 'modRevision':
      // etcd's operands are signed.
      sink.byte(Number(comparison.operand < 0));
      return sink.varint(Math.abs(comparison.operand));
    case 'value':
      return sink.bytes(comparison.operand);
    case 'lease':
      sink.byte(Number(comparison.operand !== null));
      if (comparison.operand !== null) sink.leaseId(comparison.operand);
      return;
    default:
      return assertNever(comparison);
  }
}

function encodeRange(sink: ByteSink, range: KeyRange): void {
  if (range.start !== '' && isSingleKey(range)) {
    sink.byte(RANGE_FORMS.singleKey);
    return sink.text(range.start);
  }
  sink.byte(range.end === null ? RANGE_FORMS.unbounded : RANGE_FORMS.bounded);
  sink.text(range.start);
  if (range.end !== null) sink.text(range.end);
}

function encodeQueue(sink: ByteSink, queue: { readonly space: QueueSpace; readonly name: string }): void {
  sink.byte(QUEUE_SPACES.indexOf(queue.space));
  sink.text(queue.name);
}
