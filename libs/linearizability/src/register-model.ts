import { checkBySearch, type SearchLimits, type SearchReport } from './check-by-search.js';
import type { Operation } from './history.js';
import type { SequentialModel, Settlement, TimedOperation } from './sequential-model.js';

export type RegisterInput =
  | { readonly type: 'write'; readonly key: string; readonly value: string | null }
  | { readonly type: 'read'; readonly key: string };

/** What a read saw; null for a write and for a read of nothing. */
export type RegisterOutput = string | null;

type RegisterState = { readonly value: string | null };
type RegisterOperation = TimedOperation<RegisterInput, RegisterOutput>;

/** A key that holds the value last written. A delete writes nothing, whether or not there was a value. */
export const registerModel: SequentialModel<RegisterState, RegisterInput, RegisterOutput> = {
  init: () => ({ value: null }),
  step: (state, input, output) => {
    if (input.type === 'write') return { value: input.value };
    return output === undefined || output === state.value ? state : null;
  },
  stateKey: ({ value }) => textKey(value),
  inputKey: (input) => (input.type === 'read' ? 'read' : `write${textKey(input.value)}`),
  partitionOf: ({ key }) => key,
  isObservation: ({ type }) => type === 'read',
  describe: (input, output) => {
    if (input.type === 'read') return output === undefined ? 'read' : `read ${quote(output)}`;
    return input.value === null ? 'delete' : `put ${quote(input.value)}`;
  },
  describeState: ({ value }) => `the value is ${quote(value)}`,
  settleUnanswered,
};

/**
 * Checks each key's history by search; revisions are not looked at.
 * @throws HistoryInvariantViolation when an operation ends before it begins
 */
export function checkRegistersBySearch(operations: readonly Operation[], limits: SearchLimits = {}): SearchReport {
  return checkBySearch(registerModel, operations.map(toRegisterOperation), limits);
}

function toRegisterOperation(operation: Operation): RegisterOperation {
  const { client, key, invokedAtMs } = operation;
  if (operation.type === 'read') {
    const { ending } = operation;
    const seen = ending.type === 'ok' ? { ...ending, result: ending.result.value } : ending;
    return { client, input: { type: 'read', key }, invokedAtMs, ending: seen };
  }
  const { ending, value } = operation;
  const done = ending.type === 'ok' ? { ...ending, result: null } : ending;
  return { client, input: { type: 'write', key, value }, invokedAtMs, ending: done };
}

/**
 * A value that nobody read need not have been there: whatever order there is stays one without its write. A value that somebody
 * read and only one operation wrote must have been there by the end of the first such read.
 */
function settleUnanswered(operations: readonly RegisterOperation[]): Settlement<RegisterInput, RegisterOutput> {
  const firstSeenByMs = new Map<string | null, number>();
  const writers = new Map<string | null, number>();
  for (const { input, ending } of operations) {
    if (input.type === 'write') {
      writers.set(input.value, (writers.get(input.value) ?? 0) + 1);
    } else if (ending.type === 'ok') {
      const seenByMs = firstSeenByMs.get(ending.result) ?? Infinity;
      firstSeenByMs.set(ending.result, Math.min(seenByMs, ending.returnedAtMs));
    }
  }
  const settlement = new Map<RegisterOperation, number | null>();
  for (const operation of operations) {
    const { input, ending } = operation;
    if (ending.type !== 'unknown') continue;
    const seenByMs = input.type === 'write' ? firstSeenByMs.get(input.value) : undefined;
    if (seenByMs === undefined) settlement.set(operation, null);
    else if (input.type === 'write' && input.value !== null && writers.get(input.value) === 1) {
      settlement.set(operation, seenByMs);
    }
  }
  return settlement;
}

const textKey = (value: string | null) => (value === null ? '-' : `=${value}`);
const quote = (value: string | null) => (value === null ? 'nothing' : JSON.stringify(value));
