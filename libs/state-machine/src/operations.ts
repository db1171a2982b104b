import { commitRevision, type ApplyContext } from './apply-context.js';
import type { DeleteOperation, PutOperation, RangeOperation } from './commands.js';
import { isSingleKey } from './key-range.js';
import { key } from './ids.js';
import type { KeyRecord } from './key-record.js';
import type { DeleteOutcome, PutOutcome, RangeOutcome, Refusal } from './outcomes.js';
import { leaseAfterPut, refuseDelete, refusePut } from './write-guards.js';

/** A put as a transaction of its own. */
export function executePut(context: ApplyContext, operation: PutOperation): PutOutcome | Refusal {
  const refused = refusePut(context.state, operation);
  if (refused !== null) return refused;
  const outcome = put(context, operation);
  commitRevision(context);
  return outcome;
}

/** A deletion as a transaction of its own. */
export function executeDelete(context: ApplyContext, operation: DeleteOperation): DeleteOutcome | Refusal {
  const refused = refuseDelete(context.state, operation);
  if (refused !== null) return refused;
  const outcome = deleteRange(context, operation);
  commitRevision(context);
  return outcome;
}

/** Writes without asking: the guards have agreed, and the caller commits. */
export function put({ state, proposedAtMs }: ApplyContext, operation: PutOperation): PutOutcome {
  const { keySpace } = state;
  const current = operation.keepValue || operation.keepLease ? keySpace.get(operation.key) : null;
  const content = operation.keepValue && current !== null ? current.content : operation.value;
  const previous = keySpace.put(operation.key, { content, leaseId: leaseAfterPut(operation, current) }, proposedAtMs);
  return { type: 'put', revision: keySpace.revisionInside, previous: operation.wantPrevious ? previous : null };
}

/** Deletes without asking: the guards have agreed, and the caller commits. */
export function deleteRange({ state, proposedAtMs }: ApplyContext, operation: DeleteOperation): DeleteOutcome {
  const { keySpace } = state;
  const { range } = operation;
  const keys = isSingleKey(range) && range.start !== '' ? [key(range.start)] : keySpace.liveKeys(range, 0);
  const deleted: KeyRecord[] = [];
  let deletedCount = 0;
  for (const each of keys) {
    const previous = keySpace.delete(each, proposedAtMs);
    if (previous === null) continue;
    deletedCount += 1;
    if (operation.wantPrevious) deleted.push(previous);
  }
  return { type: 'deleted', revision: keySpace.revisionInside, deletedCount, previous: deleted };
}

export function readRange({ state }: ApplyContext, operation: RangeOperation): RangeOutcome {
  return { type: 'range', revision: state.keySpace.revisionInside, ...state.keySpace.rangeNow(operation) };
}
