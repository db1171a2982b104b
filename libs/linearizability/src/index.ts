export { checkByRevision } from './check-by-revision.js';
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
