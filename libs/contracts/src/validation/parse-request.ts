import { MAX_LEASE_TTL_MS, MAX_KEY_BYTES, MAX_QUEUE_NAME_BYTES, MAX_WAIT_MS, MIN_LEASE_TTL_MS } from '../limits.js';
import type { ClientRequest, OperationName } from '../requests.js';
import { checkGet, checkKeyDelete, checkPut, checkRange, checkRangeRequest } from './check-kv.js';
import { checkTxn } from './check-txn.js';
import {
  checkBoolean,
  checkBytes,
  checkInteger,
  checkKey,
  checkLeaseId,
  checkNoOthers,
  checkObject,
  checkOneOf,
  checkOwner,
  checkPositive,
  checkQueueName,
  checkText,
  type Fields,
} from './field-checks.js';
import { InvalidRequest, refuse } from './invalid-request.js';
import type { RequestLimits } from './request-limits.js';

type Check = (fields: Fields, limits: RequestLimits) => void;

const LEASE_TTLS = { min: MIN_LEASE_TTL_MS, max: MAX_LEASE_TTL_MS };
const WAITS = { min: 0, max: MAX_WAIT_MS };
const SPACES = ['locks', 'elections'];
const ACQUIRE_FIELDS = new Set(['op', 'space', 'name', 'lease', 'waitMs', 'owner', 'value']);
const WATCH_FIELDS = new Set(['op', 'range', 'fromRevision', 'previous']);
const LIST_FIELDS = new Set(['op', 'space', 'prefix']);
const HISTORY_FIELDS = new Set(['op', 'key', 'beforeRevision']);
const GRANT_FIELDS = new Set(['op', 'id', 'ttlMs']);

/** A check for operations whose fields are all required. */
function exactly(checks: Readonly<Record<string, (value: unknown, field: string) => void>>): Check {
  const allowed = new Set(['op', ...Object.keys(checks)]);
  const entries = Object.entries(checks);
  return (fields) => {
    checkNoOthers(fields, allowed, '');
    for (const [name, check] of entries) check(fields[name], name);
  };
}

const checkSpace = (value: unknown, field: string): void => checkOneOf(value, field, SPACES);

function checkAcquire(fields: Fields, limits: RequestLimits): void {
  checkNoOthers(fields, ACQUIRE_FIELDS, '');
  checkSpace(fields['space'], 'space');
  checkQueueName(fields['name'], 'name');
  checkLeaseId(fields['lease'], 'lease');
  if (fields['waitMs'] !== undefined) checkInteger(fields['waitMs'], 'waitMs', WAITS);
  if (fields['owner'] !== undefined) {
    if (fields['space'] !== 'locks') refuse('owner', 'is for locks; an election has a value');
    checkOwner(fields['owner'], 'owner');
  }
  if (fields['value'] !== undefined) {
    if (fields['space'] !== 'elections') refuse('value', 'is for elections; a lock has an owner');
    checkBytes(fields['value'], 'value', limits.maxValueBytes);
  }
}

const CHECKS: Readonly<Record<OperationName, Check>> = {
  put: (fields, limits) => checkPut(fields, '', limits),
  delete: (fields) => checkKeyDelete(fields, ''),
  get: checkGet,
  range: checkRangeRequest,
  txn: (fields, limits) => checkTxn(fields, '', limits),
  compact: exactly({ revision: checkPositive }),
  history: (fields) => {
    checkNoOthers(fields, HISTORY_FIELDS, '');
    checkKey(fields['key'], 'key');
    if (fields['beforeRevision'] !== undefined) checkPositive(fields['beforeRevision'], 'beforeRevision');
  },
  leaseGrant: (fields) => {
    checkNoOthers(fields, GRANT_FIELDS, '');
    if (fields['id'] !== undefined) checkLeaseId(fields['id'], 'id');
    checkInteger(fields['ttlMs'], 'ttlMs', LEASE_TTLS);
  },
  leaseRevoke: exactly({ id: checkLeaseId }),
  leaseKeepAlive: exactly({ id: checkLeaseId }),
  leaseInfo: exactly({ id: checkLeaseId }),
  leaseList: exactly({}),
  acquire: checkAcquire,
  release: exactly({ space: checkSpace, name: checkQueueName, lease: checkLeaseId }),
  forceRelease: exactly({ space: checkSpace, name: checkQueueName }),
  lockInspect: exactly({ space: checkSpace, name: checkQueueName }),
  lockList: (fields) => {
    checkNoOthers(fields, LIST_FIELDS, '');
    checkSpace(fields['space'], 'space');
    if (fields['prefix'] !== undefined)
      checkText(fields['prefix'], 'prefix', Math.min(MAX_KEY_BYTES, MAX_QUEUE_NAME_BYTES));
  },
  cancel: exactly({ request: checkPositive }),
  watch: (fields) => {
    checkNoOthers(fields, WATCH_FIELDS, '');
    checkRange(fields['range'], 'range');
    if (fields['fromRevision'] !== undefined) checkPositive(fields['fromRevision'], 'fromRevision');
    if (fields['previous'] !== undefined) checkBoolean(fields['previous'], 'previous');
  },
  unwatch: exactly({ watchId: checkPositive }),
  status: exactly({}),
};

const isOperationName = (name: unknown): name is OperationName =>
  typeof name === 'string' && Object.hasOwn(CHECKS, name);

/**
 * Checks one request that came off the wire, strictly: every field known, of its type and within its limit. Nothing is
 * copied: the answer is `value` itself. Written by hand because it stands in the way of every operation
 * (docs/decisions/0008-wire-validation.md).
 */
export function parseRequest(value: unknown, limits: RequestLimits): ClientRequest | InvalidRequest {
  try {
    const fields = checkObject(value, 'request');
    const operation = fields['op'];
    if (!isOperationName(operation)) refuse('op', 'unknown operation');
    CHECKS[operation](fields, limits);
    // Every field that the operation's type names has been checked, and there are no others.
    return fields as ClientRequest;
  } catch (error) {
    if (error instanceof InvalidRequest) return error;
    throw error;
  }
}
