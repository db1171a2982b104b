import type { Comparison } from './commands.js';
import { assertNever } from './invariant.js';
import { isSingleKey } from './key-range.js';
import { key, type Key } from './ids.js';
import type { KeyRecord } from './key-record.js';
import type { KeySpace } from './key-space.js';

const NO_LEASE = '0000000000000000';

/**
 * Whether the comparison holds for every key of its range. Where there is no key, it compares with zeros, but a value
 * comparison fails: there is no saying "no value". Source: etcd applyCompare.
 */
export function holds(keySpace: KeySpace, comparison: Comparison): boolean {
  const records = recordsIn(keySpace, comparison);
  if (records.length === 0) return comparison.target !== 'value' && fits(comparison, null);
  return records.every((record) => fits(comparison, record));
}

function recordsIn(keySpace: KeySpace, { range }: Comparison): readonly KeyRecord[] {
  if (!isSingleKey(range) || range.start === '') return keySpace.rangeNow({ range, limit: 0, keysOnly: false }).records;
  const single: Key = key(range.start);
  const record = keySpace.get(single);
  return record === null ? [] : [record];
}

function fits(comparison: Comparison, record: KeyRecord | null): boolean {
  const order = compare(comparison, record);
  switch (comparison.result) {
    case 'equal':
      return order === 0;
    case 'notEqual':
      return order !== 0;
    case 'greater':
      return order > 0;
    case 'less':
      return order < 0;
    default:
      return assertNever(comparison.result);
  }
}

/** Below, at or above zero as the record's part is below, equal to or above the operand. */
function compare(comparison: Comparison, record: KeyRecord | null): number {
  switch (comparison.target) {
    case 'version':
    case 'createRevision':
    case 'modRevision':
      return (record?.[comparison.target] ?? 0) - comparison.operand;
    case 'lease':
      // 16 hex digits each: the order of the texts is the order of the numbers.
      return compareTexts(record?.leaseId ?? NO_LEASE, comparison.operand ?? NO_LEASE);
    case 'value':
      return record === null ? -1 : compareBytes(record.value, comparison.operand);
    default:
      return assertNever(comparison);
  }
}

const compareTexts = (left: string, right: string): number => (left === right ? 0 : left < right ? -1 : 1);

function compareBytes(left: Uint8Array, right: Uint8Array): number {
  const shared = Math.min(left.length, right.length);
  for (let index = 0; index < shared; index += 1) {
    const difference = (left[index] ?? 0) - (right[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}
