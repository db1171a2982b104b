export { isCold, pastValueBytes } from './cold-record.js';
export { encodeCommandBatch, decodeCommandBatch } from './command-batch-codec.js';
export { MalformedCommandBatch } from './byte-source.js';
export { CorruptStateRows } from './corrupt-state-rows.js';
export type {
  Command,
  CommandBatch,
  CommandOrigin,
  Comparison,
  DeleteOperation,
  Operation,
  PutOperation,
  QueueSpace,
  RangeOperation,
  TransactionOperation,
} from './commands.js';
export type { KeyEvent, LeaseChange, PastKeyEvent, PastRevisionEvents, QueueGrant, RevisionEvents } from './events.js';
export type { Key, LeaseId, Revision } from './ids.js';
export { isLeaseId, key, leaseId, revision } from './ids.js';
export { StateInvariantViolation } from './invariant.js';
export type { KeyRange } from './key-range.js';
export { contains, isSingleKey, prefixRange, singleKey } from './key-range.js';
export type { ColdKeyRecord, KeyRecord, PastRecord } from './key-record.js';
export {
  MAX_IDEMPOTENCY_KEYS,
  MAX_IDEMPOTENCY_KEY_LENGTH,
  MAX_IDEMPOTENCY_OUTCOME_BYTES,
  MAX_KEY_BYTES,
  MAX_LEASES,
  MAX_LEASE_TTL_MS,
  MAX_SESSION_OUTCOMES,
  MAX_SESSION_OUTCOME_BYTES,
  MAX_TRANSACTION_DEPTH,
  MAX_TRANSACTION_OPERATIONS,
  MAX_TRANSACTION_TREE_OPERATIONS,
  MAX_VALUE_BYTES,
  MIN_LEASE_TTL_MS,
} from './limits.js';
export { AttachedKeys, NewClusterRows } from './new-cluster-rows.js';
export type {
  DeleteOutcome,
  OperationOutcome,
  Outcome,
  PutOutcome,
  QueueHolder,
  RangeOutcome,
  Refusal,
  RefusalCode,
  TransactionOutcome,
} from './outcomes.js';
export { raiseRevisions, RESTORE_REVISION_STEP } from './raise-revisions.js';
export { decodeMeta, type StateMeta } from './section-rows.js';
export type {
  ApplyResult,
  LeaseInfo,
  PastRangeResult,
  QueueEntry,
  RangeQuery,
  RangeResult,
  StateReader,
} from './state-machine-api.js';
export { StateMachine, type EntryMeta, type StateMachineOptions } from './state-machine.js';
export { MAX_PAGE_BYTES, MAX_PAGE_ROWS } from './state-changes.js';
export type { StateRestore } from './state-restore.js';
export { recordOfRow, versionKey } from './version-rows.js';
export { ROW_FORMAT, SECTIONS, type StateChanges, type StateRow, type StateRowChange } from './state-rows.js';
