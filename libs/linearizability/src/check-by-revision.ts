import type { AppliedWrite, History, Operation, ReadOperation, Violation, WriteOperation } from './history.js';

/**
 * Checks a history against the order that the store itself claims: every answer carries a revision, so the order need
 * not be searched for, only verified. O(n log n), whatever the concurrency.
 *
 * Linearizable means here: the applied writes are exactly the acknowledged ones plus some of the unknown ones, each
 * once; the order by revision agrees with real time; every read gives the value that the prefix up to its revision has.
 */
export function checkByRevision(history: History): readonly Violation[] {
  const violations: Violation[] = [];
  checkAppliedOrder(history.applied, violations);
  checkWrites(history, violations);
  checkRealTime(history.operations, violations);
  checkReads(history, violations);
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

function checkWrites(history: History, violations: Violation[]): void {
  const appliedTimes = new Map<string, number[]>();
  for (const write of history.applied) {
    const identity = identityOf(write);
    const revisions = appliedTimes.get(identity);
    if (revisions === undefined) appliedTimes.set(identity, [write.revision]);
    else revisions.push(write.revision);
  }
  const deletesPossible = new Map<string, number>();
  for (const operation of history.operations) {
    if (operation.type !== 'write') continue;
    if (operation.value === null) {
      checkDelete(operation, history.applied, violations);
      deletesPossible.set(operation.key, (deletesPossible.get(operation.key) ?? 0) + 1);
      continue;
    }
    const identity = identityOf(operation);
    checkPut(operation, appliedTimes.get(identity) ?? [], violations);
    appliedTimes.delete(identity);
  }
  for (const [identity, revisions] of appliedTimes) {
    const [revision] = revisions;
    const write = history.applied.find((candidate) => candidate.revision === revision);
    const isDelete = write !== undefined && write.value === null;
    if (isDelete && revisions.length <= (deletesPossible.get(write.key) ?? 0)) continue;
    violations.push({
      rule: 'writeFromNowhere',
      message: `nobody wrote ${identity} (revision ${revisions.join(', ')})`,
    });
  }
}

function checkPut(write: WriteOperation, revisions: readonly number[], violations: Violation[]): void {
  const what = `${write.client}'s put of ${identityOf(write)}`;
  if (revisions.length > 1) {
    violations.push({
      rule: 'writeTookEffectTwice',
      message: `${what} stands at revisions ${revisions.join(' and ')}`,
    });
  }
  if (write.ending.type === 'failed' && revisions.length > 0) {
    violations.push({ rule: 'failedWriteTookEffect', message: `${what} failed and stands at ${revisions.join(', ')}` });
  }
  if (write.ending.type === 'ok' && !revisions.includes(write.ending.result.revision)) {
    violations.push({
      rule: 'acknowledgedWriteLost',
      message: `${what} was acknowledged at revision ${write.ending.result.revision}, which does not have it`,
    });
  }
}

/** Deletes carry no value to know them by: an acknowledged one is looked up by its revision. */
function checkDelete(write: WriteOperation, applied: readonly AppliedWrite[], violations: Violation[]): void {
  if (write.ending.type !== 'ok') return;
  const { revision } = write.ending.result;
  const found = applied.some((entry) => entry.revision === revision && entry.key === write.key && entry.value === null);
  if (!found) {
    violations.push({
      rule: 'acknowledgedWriteLost',
      message: `${write.client}'s delete of ${write.key} was acknowledged at revision ${revision}, which does not have it`,
    });
  }
}

type Timed = {
  readonly name: string;
  readonly revision: number;
  readonly isWrite: boolean;
  readonly invokedAtMs: number;
  readonly returnedAtMs: number;
};

/**
 * No operation may have begun after another one ended that stands later in the order. Walking from the last revision
 * down, the earliest end seen so far decides.
 */
function checkRealTime(operations: readonly Operation[], violations: Violation[]): void {
  const ordered = operations.flatMap(timed).toSorted(byOrder);
  let earliest: Timed | null = null;
  for (let position = ordered.length - 1; position >= 0; position -= 1) {
    const operation = ordered[position];
    if (operation === undefined) continue;
    if (earliest !== null && operation.invokedAtMs > earliest.returnedAtMs && isBefore(operation, earliest)) {
      violations.push({
        rule: 'realTimeOrder',
        message:
          `${operation.name} (revision ${operation.revision}) began at ${operation.invokedAtMs} ms, after ` +
          `${earliest.name} (revision ${earliest.revision}) had ended at ${earliest.returnedAtMs} ms`,
      });
    }
    if (earliest === null || operation.returnedAtMs < earliest.returnedAtMs) earliest = operation;
  }
}

/** Reads of one revision stand after its write and may be in any order among themselves. */
function isBefore(one: Timed, other: Timed): boolean {
  return one.revision < other.revision || (one.revision === other.revision && one.isWrite && !other.isWrite);
}

function byOrder(one: Timed, other: Timed): number {
  return one.revision - other.revision || Number(other.isWrite) - Number(one.isWrite);
}

function timed(operation: Operation): Timed[] {
  if (operation.ending.type !== 'ok') return [];
  return [
    {
      name: `${operation.client}'s ${operation.type} of ${operation.key}`,
      revision: operation.ending.result.revision,
      isWrite: operation.type === 'write',
      invokedAtMs: operation.invokedAtMs,
      returnedAtMs: operation.ending.returnedAtMs,
    },
  ];
}

function checkReads(history: History, violations: Violation[]): void {
  const byKey = new Map<string, AppliedWrite[]>();
  for (const write of history.applied) {
    const writes = byKey.get(write.key);
    if (writes === undefined) byKey.set(write.key, [write]);
    else writes.push(write);
  }
  for (const operation of history.operations) {
    if (operation.type === 'read') checkRead(operation, byKey.get(operation.key) ?? [], violations);
  }
}

function checkRead(read: ReadOperation, writes: readonly AppliedWrite[], violations: Violation[]): void {
  if (read.ending.type !== 'ok') return;
  const { revision, value } = read.ending.result;
  const expected = lastAtOrBefore(writes, revision)?.value ?? null;
  if (value !== expected) {
    violations.push({
      rule: 'readOfWrongValue',
      message: `${read.client} read ${String(value)} of ${read.key} at revision ${revision}; it was ${String(expected)}`,
    });
  }
}

function lastAtOrBefore(writes: readonly AppliedWrite[], revision: number): AppliedWrite | undefined {
  let low = 0;
  let high = writes.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((writes[middle]?.revision ?? Infinity) <= revision) low = middle + 1;
    else high = middle;
  }
  return writes[low - 1];
}

const identityOf = (write: { readonly key: string; readonly value: string | null }): string =>
  `${write.key}=${write.value ?? '(deleted)'}`;
