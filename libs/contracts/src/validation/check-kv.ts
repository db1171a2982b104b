import { MAX_KEY_BYTES } from '../limits.js';
import {
  checkBoolean,
  checkBytes,
  checkCount,
  checkKey,
  checkLeaseId,
  checkNoOthers,
  checkObject,
  checkOneOf,
  checkPositive,
  checkText,
  type Fields,
} from './field-checks.js';
import { refuse } from './invalid-request.js';
import type { RequestLimits } from './request-limits.js';

const PUT_FIELDS = new Set(['op', 'key', 'value', 'lease', 'ifRevision', 'previous']);
const DELETE_FIELDS = new Set(['op', 'range', 'ifRevision', 'previous']);
const GET_FIELDS = new Set(['op', 'key', 'revision', 'consistency']);
const RANGE_FIELDS = new Set(['op', 'range', 'limit', 'revision', 'keysOnly', 'consistency']);
const CONSISTENCIES = ['linearizable', 'serializable'];

/** `path` is written before each field's name: empty, or ending with a dot. */
export function checkPut(fields: Fields, path: string, limits: RequestLimits): void {
  checkNoOthers(fields, PUT_FIELDS, path);
  checkKey(fields['key'], `${path}key`);
  checkBytes(fields['value'], `${path}value`, limits.maxValueBytes);
  if (fields['lease'] !== undefined) checkLeaseId(fields['lease'], `${path}lease`);
  if (fields['ifRevision'] !== undefined) checkCount(fields['ifRevision'], `${path}ifRevision`);
  if (fields['previous'] !== undefined) checkBoolean(fields['previous'], `${path}previous`);
}

export function checkKeyDelete(fields: Fields, path: string): void {
  checkNoOthers(fields, DELETE_FIELDS, path);
  const range = checkRange(fields['range'], `${path}range`);
  if (fields['previous'] !== undefined) checkBoolean(fields['previous'], `${path}previous`);
  if (fields['ifRevision'] === undefined) return;
  checkCount(fields['ifRevision'], `${path}ifRevision`);
  if (range['key'] === undefined) refuse(`${path}ifRevision`, 'needs a range of a single key');
}

export function checkGet(fields: Fields): void {
  checkNoOthers(fields, GET_FIELDS, '');
  checkKey(fields['key'], 'key');
  if (fields['revision'] !== undefined) checkPositive(fields['revision'], 'revision');
  checkConsistency(fields['consistency']);
}

export function checkRangeRequest(fields: Fields): void {
  checkNoOthers(fields, RANGE_FIELDS, '');
  checkRangeRead(fields, '');
  if (fields['revision'] !== undefined) checkPositive(fields['revision'], 'revision');
  checkConsistency(fields['consistency']);
}

/** The fields that a range has inside a transaction too. */
export function checkRangeRead(fields: Fields, path: string): void {
  checkRange(fields['range'], `${path}range`);
  if (fields['limit'] !== undefined) checkCount(fields['limit'], `${path}limit`);
  if (fields['keysOnly'] !== undefined) checkBoolean(fields['keysOnly'], `${path}keysOnly`);
}

/** Exactly one form: {key}, {prefix} or {from, to}. */
export function checkRange(value: unknown, field: string): Fields {
  const range = checkObject(value, field);
  const names = Object.keys(range);
  if (names.length === 1 && names[0] === 'key') checkKey(range['key'], `${field}.key`);
  else if (names.length === 1 && names[0] === 'prefix') checkText(range['prefix'], `${field}.prefix`, MAX_KEY_BYTES);
  else if (names.length === 2 && 'from' in range && 'to' in range) {
    checkText(range['from'], `${field}.from`, MAX_KEY_BYTES);
    checkKey(range['to'], `${field}.to`);
  } else refuse(field, 'must be exactly one of {key}, {prefix}, {from, to}');
  return range;
}

function checkConsistency(value: unknown): void {
  if (value !== undefined) checkOneOf(value, 'consistency', CONSISTENCIES);
}
