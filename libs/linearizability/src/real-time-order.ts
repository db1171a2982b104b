import type { Operation, Violation } from './history.js';

/** An operation and its place in the order that the store claims. */
export type PlacedOperation = {
  readonly operation: Operation;
  readonly revision: number;
  /** Of one revision, the write that made it stands before everything that found it. */
  readonly changesKey: boolean;
  /** Infinity when nobody saw it end. */
  readonly returnedAtMs: number;
};

export function placed(
  operation: Operation,
  { revision, changesKey }: { readonly revision: number; readonly changesKey: boolean },
): PlacedOperation {
  const { ending } = operation;
  return { operation, revision, changesKey, returnedAtMs: ending.type === 'ok' ? ending.returnedAtMs : Infinity };
}

/**
 * No operation may have begun after another one ended that stands later in the order. Walking from the last place down, the
 * earliest end among all later places decides.
 */
export function checkRealTime(operations: readonly PlacedOperation[], violations: Violation[]): void {
  const ordered = operations.toSorted(byPlace);
  let earliestLater: PlacedOperation | null = null;
  let earliestHere: PlacedOperation | null = null;
  for (let position = ordered.length - 1; position >= 0; position -= 1) {
    const operation = ordered[position];
    if (operation === undefined) continue;
    // Operations of one place have no order among themselves: they count only for those of places before.
    if (earliestHere !== null && byPlace(operation, earliestHere) !== 0) {
      earliestLater = earlier(earliestLater, earliestHere);
      earliestHere = null;
    }
    if (earliestLater !== null && operation.operation.invokedAtMs > earliestLater.returnedAtMs) {
      violations.push({ rule: 'realTimeOrder', message: tell(operation, earliestLater) });
    }
    earliestHere = earlier(earliestHere, operation);
  }
}

function byPlace(one: PlacedOperation, other: PlacedOperation): number {
  return one.revision - other.revision || Number(other.changesKey) - Number(one.changesKey);
}

function earlier(one: PlacedOperation | null, other: PlacedOperation): PlacedOperation {
  return one !== null && one.returnedAtMs <= other.returnedAtMs ? one : other;
}

function tell(late: PlacedOperation, ended: PlacedOperation): string {
  return (
    `${name(late)} (revision ${late.revision}) began at ${late.operation.invokedAtMs} ms, after ` +
    `${name(ended)} (revision ${ended.revision}) had ended at ${ended.returnedAtMs} ms`
  );
}

const name = ({ operation: { client, type, key } }: PlacedOperation) => `${client}'s ${type} of ${key}`;
