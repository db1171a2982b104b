export { checkByRevision } from './check-by-revision.js';
export { checkBySearch, SEARCH_STEPS_MAX } from './check-by-search.js';
export type { SearchFinding, SearchLimits, SearchReport, SearchVerdict } from './check-by-search.js';
export type {
  AppliedWrite,
  Ending,
  History,
  Operation,
  ReadOperation,
  Violation,
  ViolationRule,
  WriteOperation,
} from './history.js';
export { HistoryInvariantViolation } from './invariant.js';
export { checkLocksBySearch, lockModel } from './lock-model.js';
export type { LockInput, LockOperation, LockOutput } from './lock-model.js';
export { checkRegistersBySearch, registerModel } from './register-model.js';
export type { RegisterInput, RegisterOutput } from './register-model.js';
export type { Explanation } from './search-explanation.js';
export type { SequentialModel, Settlement, TimedOperation } from './sequential-model.js';
