import type { ReplicatedState } from './apply-context.js';
import type { DeleteOperation, PutOperation } from './commands.js';
import { key, revision, type Key, type LeaseId, type Revision } from './ids.js';
import { isSingleKey } from './key-range.js';
import type { KeyRecord } from './key-record.js';
import { MAX_KEY_BYTES, MAX_VALUE_BYTES } from './limits.js';
import type { Refusal } from './outcomes.js';
import { refusal } from './refusal.js';

/** The modRevision of a key that does not exist. */
const ABSENT = revision(0);

/** Why a put may not be done on the state as it is; null when it may. */
export function refusePut(state: ReplicatedState, operation: PutOperation): Refusal | null {
  if (operation.key.length > MAX_KEY_BYTES || operation.value.length > MAX_VALUE_BYTES) return refusal('TOO_LARGE');
  const current = state.keySpace.get(operation.key);
  const mismatch = refuseRevision(state, operation.key, operation.expectedModRevision);
  if (mismatch !== null) return mismatch;
  if (current === null && (operation.keepValue || operation.keepLease)) return refusal('KEY_NOT_FOUND');
  return refuseLease(state, current, { key: operation.key, leaseId: leaseAfterPut(operation, current) });
}

/** The lease that the key has after the put. */
export const leaseAfterPut = (operation: PutOperation, current: KeyRecord | null): LeaseId | null =>
  operation.keepLease && current !== null ? current.leaseId : operation.leaseId;

/** Why a deletion may not be done on the state as it is; null when it may. */
export function refuseDelete(state: ReplicatedState, operation: DeleteOperation): Refusal | null {
  if (operation.expectedModRevision === null) return null;
  if (!isSingleKey(operation.range) || operation.range.start === '') return refusal('MALFORMED');
  return refuseRevision(state, key(operation.range.start), operation.expectedModRevision);
}

function refuseRevision(state: ReplicatedState, key: Key, expectedModRevision: Revision | null): Refusal | null {
  if (expectedModRevision === null) return null;
  const modRevision = state.keySpace.get(key)?.modRevision ?? ABSENT;
  return modRevision === expectedModRevision ? null : refusal('REVISION_MISMATCH', modRevision);
}

function refuseLease(
  state: ReplicatedState,
  current: KeyRecord | null,
  after: { readonly key: Key; readonly leaseId: LeaseId | null },
): Refusal | null {
  if (after.leaseId === null || after.leaseId === current?.leaseId) return null;
  if (!state.leases.has(after.leaseId)) return refusal('LEASE_NOT_FOUND');
  // Its createRevision is older than those of keys that may hold by now: two holders, and a token that goes back.
  const returns = current !== null && state.queues.placeOf(after.key, after.leaseId) !== null;
  return returns ? refusal('QUEUE_PLACE_LOST') : null;
}
