import type { Key, LeaseId, Revision } from './ids.js';
import type { KeyRange } from './key-range.js';

/** Key prefixes whose lease-bound keys form queues: `locks/<name>/<lease id>`, `elections/<name>/<lease id>`. */
export type QueueSpace = 'locks' | 'elections';

export type PutOperation = {
  readonly type: 'put';
  readonly key: Key;
  readonly value: Uint8Array;
  /** The key vanishes with this lease; null detaches it from any. */
  readonly leaseId: LeaseId | null;
  /** Refused unless the key's modRevision is this one; 0 = the key must not exist; null = whatever it is. */
  readonly expectedModRevision: Revision | null;
  /** Answer with the version that was there before. */
  readonly wantPrevious: boolean;
  /** Keep the value (lease) that the key has; refused as KEY_NOT_FOUND when there is none. */
  readonly keepValue: boolean;
  readonly keepLease: boolean;
};

export type DeleteOperation = {
  readonly type: 'delete';
  readonly range: KeyRange;
  /** Only with a single-key range. */
  readonly expectedModRevision: Revision | null;
  readonly wantPrevious: boolean;
};

export type RangeOperation = {
  readonly type: 'range';
  readonly range: KeyRange;
  readonly limit: number;
  readonly keysOnly: boolean;
};

/** etcd's Compare: all must hold; over a range, for every key in it (a missing single key compares as zeros). */
export type Comparison = {
  readonly range: KeyRange;
  readonly result: 'equal' | 'notEqual' | 'greater' | 'less';
} & (
  | { readonly target: 'version' | 'createRevision' | 'modRevision'; readonly operand: number }
  | { readonly target: 'value'; readonly operand: Uint8Array }
  | { readonly target: 'lease'; readonly operand: LeaseId | null }
);

export type TransactionOperation = {
  readonly type: 'transaction';
  readonly comparisons: readonly Comparison[];
  readonly success: readonly Operation[];
  readonly failure: readonly Operation[];
};

/** What may stand inside a transaction. */
export type Operation = PutOperation | DeleteOperation | RangeOperation | TransactionOperation;

export type Command =
  | PutOperation
  | DeleteOperation
  | TransactionOperation
  /** Refused as LEASE_EXISTS when the id is or was taken: whoever repeats its own grant sees that it worked, if it lives still. */
  | { readonly type: 'leaseGrant'; readonly leaseId: LeaseId; readonly ttlMs: number }
  | { readonly type: 'leaseRevoke'; readonly leaseId: LeaseId }
  /**
   * The leader of `lessorTerm` saw the lease run out. Without effect when the entry stands in another term: a newer
   * leader counts anew (FAILURE-MODES 39).
   */
  | { readonly type: 'leaseExpire'; readonly leaseId: LeaseId; readonly lessorTerm: number }
  /** So much was left: what a later leader counts from, so that changing leaders cannot extend a lease for ever (40). */
  | {
      readonly type: 'leaseCheckpoint';
      readonly leaseId: LeaseId;
      readonly remainingTtlMs: number;
      readonly lessorTerm: number;
    }
  /** Clears a checkpoint; must be applied before a renewal of a checkpointed lease is acknowledged. */
  | { readonly type: 'leaseRenew'; readonly leaseId: LeaseId }
  /**
   * Enters the queue, or finds the place that the lease already has in it (then nothing changes). With `wait` false a
   * lock that is held by somebody else is answered with its holder and nothing is written, also when the lease waits
   * in the queue already. `name` is bytes, as a Key is; not empty.
   */
  | {
      readonly type: 'queueEnter';
      readonly space: QueueSpace;
      readonly name: string;
      readonly leaseId: LeaseId;
      readonly wait: boolean;
      /** Lock: owner metadata as JSON text bytes `{mode, owner}`. Election: the proclaimed value. */
      readonly value: Uint8Array;
    }
  /** Leaves the queue, whether holding or waiting. `onlyIfWaiting`: a grant that came first stands. */
  | {
      readonly type: 'queueLeave';
      readonly space: QueueSpace;
      readonly name: string;
      readonly leaseId: LeaseId;
      readonly onlyIfWaiting: boolean;
    }
  /** Removes the holder, whoever it is. */
  | { readonly type: 'queueEvict'; readonly space: QueueSpace; readonly name: string }
  /** Forget history below `revision`; the versions that are current at it stay readable. */
  | { readonly type: 'compact'; readonly revision: Revision };

/** Who sent a command, for exactly-once effect. */
export type CommandOrigin =
  /** Not repeated by anybody. */
  | { readonly type: 'none' }
  /**
   * Command i of the batch has the session's sequence `sequences[i]`. Outcomes up to and including `acknowledgedThrough`
   * have reached the client and need not be kept.
   */
  | {
      readonly type: 'session';
      readonly leaseId: LeaseId;
      readonly acknowledgedThrough: number;
      readonly sequences: readonly number[];
    }
  /** A key chosen by an HTTP client; the batch has exactly one command. */
  | { readonly type: 'idempotencyKey'; readonly idempotencyKey: string };

/** What one log entry carries. Applied in order; each command by itself takes effect or is refused. */
export type CommandBatch = { readonly origin: CommandOrigin; readonly commands: readonly Command[] };
