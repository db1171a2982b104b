import type { AppliedWrite, History, ReadOperation, Violation } from './history.js';
import { KeyTimeline } from './key-timeline.js';
import { placeWrites } from './place-writes.js';
import { checkRealTime, placed, type PlacedOperation } from './real-time-order.js';

/**
 * Checks a history against the order that the store itself claims: every answer carries a revision, so the order need
 * not be searched for, only verified. O(n log n), whatever the concurrency.
 *
 * Linearizable means here: the applied writes are exactly the acknowledged ones plus some of the unknown ones, each
 * once; the order by revision agrees with real time; every read gives the value that the prefix up to its revision has.
 * A delete of a key that is not there applies nothing and states the revision that it found.
 */
export function checkByRevision(history: History): readonly Violation[] {
  const violations: Violation[] = [];
  checkAppliedOrder(history.applied, violations);
  const timeline = new KeyTimeline(history.applied);
  const reads = history.operations.filter((operation) => operation.type === 'read');
  const order: PlacedOperation[] = [...reads.flatMap(placedRead), ...placeWrites(history, timeline, violations)];
  checkRealTime(order, violations);
  for (const read of reads) checkRead(read, timeline, violations);
  return violations;
}

function checkAppliedOrder(applied: readonly AppliedWrite[], violations: Violation[]): void {
  let previous = 0;
  for (const write of applied) {
    if (write.revision <= previous) {
      violations.push({ rule: 'appliedOrder', message: `revision ${write.revision} follows ${previous}` });
    }
    previous = write.revision;
  }
}

function placedRead(read: ReadOperation): PlacedOperation[] {
  return read.ending.type === 'ok' ? [placed(read, { revision: read.ending.result.revision, changesKey: false })] : [];
}

function checkRead(read: ReadOperation, timeline: KeyTimeline, violations: Violation[]): void {
  if (read.ending.type !== 'ok') return;
  const { revision, value } = read.ending.result;
  const expected = timeline.valueAt(read.key, revision);
  if (value !== expected) {
    violations.push({
      rule: 'readOfWrongValue',
      message: `${read.client} read ${String(value)} of ${read.key} at revision ${revision}; it was ${String(expected)}`,
    });
  }
}
