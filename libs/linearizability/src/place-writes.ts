import { placeDeletes } from './place-deletes.js';
import type { AppliedWrite, History, Violation, WriteOperation } from './history.js';
import type { KeyTimeline } from './key-timeline.js';
import { placed, type PlacedOperation } from './real-time-order.js';

/**
 * Finds the place of every write that took effect, also of those whose client saw no answer, and what is wrong with the
 * match: acknowledged ones that are missing, applied ones that nobody made, or that stand twice.
 */
export function placeWrites(history: History, timeline: KeyTimeline, violations: Violation[]): PlacedOperation[] {
  const appliedPuts = new Map<string, number[]>();
  for (const write of history.applied) {
    if (write.value === null) continue;
    const identity = identityOf(write);
    const revisions = appliedPuts.get(identity);
    if (revisions === undefined) appliedPuts.set(identity, [write.revision]);
    else revisions.push(write.revision);
  }
  const order: PlacedOperation[] = [];
  for (const operation of history.operations) {
    if (operation.type !== 'write' || operation.value === null) continue;
    const identity = identityOf(operation);
    const revisions = appliedPuts.get(identity) ?? [];
    checkPut(operation, revisions, violations);
    order.push(...placePut(operation, revisions));
    appliedPuts.delete(identity);
  }
  for (const [identity, revisions] of appliedPuts) {
    const message = `nobody wrote ${identity} (revision ${revisions.join(', ')})`;
    violations.push({ rule: 'writeFromNowhere', message });
  }
  return [...order, ...placeDeletes(history, timeline, violations)];
}

function placePut(put: WriteOperation, revisions: readonly number[]): PlacedOperation[] {
  const revision = put.ending.type === 'ok' ? put.ending.result.revision : revisions[0];
  if (revision === undefined || put.ending.type === 'failed') return [];
  return [placed(put, { revision, changesKey: true })];
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

const identityOf = ({ key, value }: AppliedWrite | WriteOperation) => `${key}=${value ?? '(deleted)'}`;
