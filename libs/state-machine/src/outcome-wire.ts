import type { OperationOutcome, Outcome, RefusalCode } from './outcomes.js';

/** Numbers of the outcome encoding. They stand in checkpoints: never changed, never given twice. */
export const OUTCOME_TYPES = {
  put: 0,
  deleted: 1,
  range: 2,
  transaction: 3,
  leaseGranted: 4,
  leaseEnded: 5,
  leaseUpdated: 6,
  acquired: 7,
  queued: 8,
  held: 9,
  queueLeft: 10,
  evicted: 11,
  compacted: 12,
  refused: 13,
} as const satisfies Record<(Outcome | OperationOutcome)['type'], number>;

export const REFUSAL_CODES = {
  REVISION_MISMATCH: 0,
  KEY_NOT_FOUND: 1,
  LEASE_NOT_FOUND: 2,
  LEASE_EXISTS: 3,
  LOCK_NOT_HELD: 4,
  COMPACTED: 5,
  FUTURE_REVISION: 6,
  DUPLICATE_KEY: 7,
  TOO_LARGE: 8,
  TOO_MANY: 9,
  SESSION_NOT_FOUND: 10,
  SEQUENCE_ACKNOWLEDGED: 11,
  IDEMPOTENCY_KEY_REUSED: 12,
  INVALID_TTL: 13,
  QUEUE_PLACE_LOST: 14,
  MALFORMED: 15,
} as const satisfies Record<RefusalCode, number>;
