import type { ClientRequest, OperationName } from '@latchkey/contracts';

/**
 * - `sessionWrite`: takes effect once, by session and request id. May be moved to a new session while it has certainly not been done.
 * - `leaseWrite`: the same, but means nothing under another session (acquire, release).
 * - `leaseOperation`: names its lease, so it may be repeated freely, and must not depend on the session (it makes and ends sessions).
 * - `read`: may be repeated freely, in any frame.
 * - `connection`: means something on this connection only; never repeated on another.
 */
export type OperationKind = 'sessionWrite' | 'leaseWrite' | 'leaseOperation' | 'read' | 'connection';

export const OPERATION_KINDS: Readonly<Record<OperationName, OperationKind>> = {
  put: 'sessionWrite',
  delete: 'sessionWrite',
  txn: 'sessionWrite',
  compact: 'sessionWrite',
  forceRelease: 'sessionWrite',
  acquire: 'leaseWrite',
  release: 'leaseWrite',
  get: 'read',
  range: 'read',
  history: 'read',
  leaseGrant: 'leaseOperation',
  leaseRevoke: 'leaseOperation',
  leaseKeepAlive: 'leaseOperation',
  leaseInfo: 'read',
  leaseList: 'read',
  lockInspect: 'read',
  lockList: 'read',
  status: 'read',
  cancel: 'connection',
  watch: 'connection',
  unwatch: 'connection',
};

/**
 * Whether a follower would have to ask the leader for it, so that a client is better connected with the leader itself. Not the
 * session's own, which every client has: who only watches stays where it is, and the watchers of a cluster stay spread over its nodes.
 */
export function isForLeader(request: ClientRequest): boolean {
  const kind = OPERATION_KINDS[request.op];
  if (kind === 'sessionWrite' || kind === 'leaseWrite') return true;
  return (request.op === 'get' || request.op === 'range') && request.consistency !== 'serializable';
}
