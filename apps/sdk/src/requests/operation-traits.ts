import type { OperationName } from '@latchkey/contracts';

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
