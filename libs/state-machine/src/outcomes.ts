import type { Key, LeaseId, Revision } from './ids.js';
import type { KeyRecord } from './key-record.js';

/** Why a command changed nothing. Part of the replicated state (cached for retries): never renamed. */
export type RefusalCode =
  | 'REVISION_MISMATCH'
  | 'KEY_NOT_FOUND'
  | 'LEASE_NOT_FOUND'
  | 'LEASE_EXISTS'
  | 'LOCK_NOT_HELD'
  | 'COMPACTED'
  | 'FUTURE_REVISION'
  /** A transaction writes one key twice (etcd: DuplicateKey), or enters one queue twice. */
  | 'DUPLICATE_KEY'
  | 'TOO_LARGE'
  | 'TOO_MANY'
  /** The session's lease has ended: whether an earlier attempt took effect is no longer known. */
  | 'SESSION_NOT_FOUND'
  /** The client said that it has this answer already. A bug of the client. */
  | 'SEQUENCE_ACKNOWLEDGED'
  /** The idempotency key was used before, for another command. */
  | 'IDEMPOTENCY_KEY_REUSED'
  /** A lease's TTL outside MIN_LEASE_TTL_MS..MAX_LEASE_TTL_MS. */
  | 'INVALID_TTL'
  /**
   * The key of a queue was detached from its lease and so gave its place up. It cannot come back under its old
   * `createRevision`, which would pass everybody who entered since: delete it and enter again.
   */
  | 'QUEUE_PLACE_LOST'
  /** The batch could not be decoded (then it has this one outcome), or a command contradicts itself. */
  | 'MALFORMED';

export type Refusal = {
  readonly type: 'refused';
  readonly code: RefusalCode;
  /** Current modRevision (REVISION_MISMATCH; 0 = key absent), compacted revision (COMPACTED), …; null when nothing fits. */
  readonly revisionDetail: Revision | null;
};

export type RangeOutcome = {
  readonly type: 'range';
  readonly revision: Revision;
  readonly records: readonly KeyRecord[];
  /** All keys in the range, whatever the limit. */
  readonly count: number;
  readonly more: boolean;
};

export type PutOutcome = { readonly type: 'put'; readonly revision: Revision; readonly previous: KeyRecord | null };

export type DeleteOutcome = {
  readonly type: 'deleted';
  readonly revision: Revision;
  readonly deletedCount: number;
  readonly previous: readonly KeyRecord[];
};

export type TransactionOutcome = {
  readonly type: 'transaction';
  readonly revision: Revision;
  readonly succeeded: boolean;
  readonly responses: readonly OperationOutcome[];
};

export type OperationOutcome = PutOutcome | DeleteOutcome | RangeOutcome | TransactionOutcome;

export type QueueHolder = { readonly key: Key; readonly leaseId: LeaseId; readonly record: KeyRecord };

/** `revision` is the store's revision after the command, changed or not. */
export type Outcome =
  | PutOutcome
  | DeleteOutcome
  | TransactionOutcome
  | { readonly type: 'leaseGranted'; readonly revision: Revision; readonly leaseId: LeaseId; readonly ttlMs: number }
  | {
      readonly type: 'leaseEnded';
      readonly revision: Revision;
      readonly leaseId: LeaseId;
      readonly deletedCount: number;
    }
  /** Of `leaseExpire`, `leaseCheckpoint`, `leaseRenew`: `changed` false when it came too late to matter. */
  | { readonly type: 'leaseUpdated'; readonly revision: Revision; readonly changed: boolean }
  | { readonly type: 'acquired'; readonly revision: Revision; readonly fencingToken: Revision }
  | {
      readonly type: 'queued';
      readonly revision: Revision;
      readonly createRevision: Revision;
      readonly position: number;
    }
  | { readonly type: 'held'; readonly revision: Revision; readonly holder: QueueHolder }
  /** `left` false: the lease was not in the queue, or (`onlyIfWaiting`) it already holds: then `fencingToken` is its grant. */
  | {
      readonly type: 'queueLeft';
      readonly revision: Revision;
      readonly left: boolean;
      readonly fencingToken: Revision | null;
    }
  | { readonly type: 'evicted'; readonly revision: Revision; readonly holder: QueueHolder | null }
  | { readonly type: 'compacted'; readonly revision: Revision; readonly compactRevision: Revision }
  | Refusal;
