import type { History, Operation, Violation, WriteOperation } from './history.js';
import type { KeyTimeline } from './key-timeline.js';
import { placed, type PlacedOperation } from './real-time-order.js';

/** The deletes of one key that clients made, each kind in the order of invocation. */
type Deletes = {
  readonly acknowledged: Map<number, WriteOperation[]>;
  readonly unanswered: WriteOperation[];
  readonly failed: WriteOperation[];
};

/**
 * Deletes carry no value to know them by. An acknowledged one is known by its revision, unless it found nothing to delete; the
 * applied ones that are left over must be unanswered ones. Which of those is not known: giving the oldest the first place is
 * right whenever any choice is.
 */
export function placeDeletes(history: History, timeline: KeyTimeline, violations: Violation[]): PlacedOperation[] {
  const byKey = deletesByKey(history.operations);
  const firstReadEndsMs = firstReadEnds(history.operations);
  const order: PlacedOperation[] = [];
  for (const key of new Set([...timeline.keys(), ...byKey.keys()])) {
    const deletes = byKey.get(key) ?? noDeletes();
    for (const { revision, value } of timeline.of(key)) {
      if (value !== null) continue;
      const taker = takeFor(deletes, revision, firstReadEndsMs.get(revision) ?? Infinity);
      if (taker === null) violations.push(unexplained(deletes, { key, revision }));
      else order.push(placed(taker, { revision, changesKey: true }));
    }
    for (const [revision, rest] of deletes.acknowledged) {
      const foundNothing = timeline.valueAt(key, revision) === null;
      for (const write of rest) {
        if (!foundNothing) violations.push(lost(write, revision));
        order.push(placed(write, { revision, changesKey: !foundNothing }));
      }
    }
  }
  return order;
}

/** Takes the operation that made this applied delete out of those not yet placed; null if there is none. */
function takeFor(deletes: Deletes, revision: number, readEndsMs: number): WriteOperation | null {
  const claimants = deletes.acknowledged.get(revision) ?? [];
  const [claimant] = claimants;
  const [unanswered] = deletes.unanswered;
  // Who began after the delete had been read came second and found nothing: an unanswered one was first.
  const cameLate = claimant !== undefined && claimant.invokedAtMs > readEndsMs;
  const isUnanswered = claimant === undefined || (cameLate && (unanswered?.invokedAtMs ?? Infinity) <= readEndsMs);
  return (isUnanswered ? deletes.unanswered.shift() : claimants.shift()) ?? null;
}

function unexplained(deletes: Deletes, { key, revision }: { key: string; revision: number }): Violation {
  const failed = deletes.failed.shift();
  if (failed === undefined) {
    return { rule: 'writeFromNowhere', message: `nobody deleted ${key} (revision ${revision})` };
  }
  const message = `${failed.client}'s delete of ${key} failed and stands at ${revision}`;
  return { rule: 'failedWriteTookEffect', message };
}

const lost = ({ client, key }: WriteOperation, revision: number): Violation => ({
  rule: 'acknowledgedWriteLost',
  message: `${client}'s delete of ${key} was acknowledged at revision ${revision}, which does not have it`,
});

function deletesByKey(operations: readonly Operation[]): Map<string, Deletes> {
  const byKey = new Map<string, Deletes>();
  const ordered = operations.filter((operation) => operation.type === 'write' && operation.value === null);
  for (const operation of ordered.toSorted((one, other) => one.invokedAtMs - other.invokedAtMs)) {
    if (operation.type !== 'write') continue;
    const deletes = byKey.get(operation.key) ?? noDeletes();
    byKey.set(operation.key, deletes);
    file(operation, deletes);
  }
  return byKey;
}

function file(write: WriteOperation, deletes: Deletes): void {
  const { ending } = write;
  if (ending.type !== 'ok') {
    (ending.type === 'unknown' ? deletes.unanswered : deletes.failed).push(write);
    return;
  }
  const claimants = deletes.acknowledged.get(ending.result.revision);
  if (claimants === undefined) deletes.acknowledged.set(ending.result.revision, [write]);
  else claimants.push(write);
}

/** By revision: when the first read that found it had ended. */
function firstReadEnds(operations: readonly Operation[]): Map<number, number> {
  const ends = new Map<number, number>();
  for (const { type, ending } of operations) {
    if (type !== 'read' || ending.type !== 'ok') continue;
    const { revision } = ending.result;
    ends.set(revision, Math.min(ends.get(revision) ?? Infinity, ending.returnedAtMs));
  }
  return ends;
}

const noDeletes = (): Deletes => ({ acknowledged: new Map(), unanswered: [], failed: [] });
