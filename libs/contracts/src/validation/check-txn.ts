import { MAX_TXN_DEPTH, MAX_TXN_OPERATIONS } from '../limits.js';
import { checkKeyDelete, checkPut, checkRange, checkRangeRead } from './check-kv.js';
import {
  checkBytes,
  checkCount,
  checkLeaseId,
  checkNoOthers,
  checkObject,
  checkOneOf,
  type Fields,
} from './field-checks.js';
import { refuse } from './invalid-request.js';
import type { RequestLimits } from './request-limits.js';

const TXN_FIELDS = new Set(['op', 'compare', 'success', 'failure']);
const COMPARISON_FIELDS = new Set(['range', 'result', 'target', 'operand']);
const RANGE_OPERATION_FIELDS = new Set(['op', 'range', 'limit', 'keysOnly']);

/** `path` ends with a dot, or is empty for the request itself. */
export function checkTxn(fields: Fields, path: string, limits: RequestLimits): void {
  checkBranches(fields, path, { limits, depth: 1, operationsLeft: MAX_TXN_OPERATIONS });
}

type Walk = { readonly limits: RequestLimits; readonly depth: number; operationsLeft: number };

function checkBranches(fields: Fields, path: string, walk: Walk): void {
  if (walk.depth > MAX_TXN_DEPTH) refuse(`${path}op`, `transactions are nested more than ${MAX_TXN_DEPTH} deep`);
  checkNoOthers(fields, TXN_FIELDS, path);
  const comparisons = checkList(fields['compare'], `${path}compare`);
  comparisons.forEach((comparison, index) => checkComparison(comparison, `${path}compare[${index}]`, walk.limits));
  for (const branch of ['success', 'failure'] as const) {
    const operations = checkList(fields[branch], `${path}${branch}`);
    // Only one branch runs: each may use what is left (etcd counts the wider one).
    const inner = { ...walk, depth: walk.depth + 1, operationsLeft: walk.operationsLeft - operations.length };
    if (inner.operationsLeft < 0) refuse(`${path}${branch}`, `more than ${MAX_TXN_OPERATIONS} operations`);
    operations.forEach((operation, index) => checkOperation(operation, `${path}${branch}[${index}]`, inner));
  }
}

function checkOperation(value: unknown, field: string, walk: Walk): void {
  const fields = checkObject(value, field);
  const path = `${field}.`;
  switch (fields['op']) {
    case 'put':
      return checkPut(fields, path, walk.limits);
    case 'delete':
      return checkKeyDelete(fields, path);
    case 'range':
      checkNoOthers(fields, RANGE_OPERATION_FIELDS, path);
      return checkRangeRead(fields, path);
    case 'txn':
      return checkBranches(fields, path, walk);
    default:
      return refuse(`${path}op`, 'must be one of put, delete, range, txn');
  }
}

function checkComparison(value: unknown, field: string, limits: RequestLimits): void {
  const fields = checkObject(value, field);
  const path = `${field}.`;
  checkNoOthers(fields, COMPARISON_FIELDS, path);
  checkRange(fields['range'], `${path}range`);
  checkOneOf(fields['result'], `${path}result`, ['equal', 'notEqual', 'greater', 'less']);
  const operand = fields['operand'];
  switch (fields['target']) {
    case 'version':
    case 'createRevision':
    case 'modRevision':
      return checkCount(operand, `${path}operand`);
    case 'value':
      return checkBytes(operand, `${path}operand`, limits.maxValueBytes);
    case 'lease':
      if (operand !== null) checkLeaseId(operand, `${path}operand`);
      return;
    default:
      return refuse(`${path}target`, 'must be one of version, createRevision, modRevision, value, lease');
  }
}

function checkList(value: unknown, field: string): readonly unknown[] {
  if (!Array.isArray(value)) refuse(field, 'must be a list');
  if (value.length > MAX_TXN_OPERATIONS) refuse(field, `must not have more than ${MAX_TXN_OPERATIONS} entries`);
  return value;
}
