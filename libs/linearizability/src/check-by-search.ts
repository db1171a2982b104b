import { invariant } from './invariant.js';
import { LinearizationSearch, type SearchedOperation } from './linearization-search.js';
import { explain, type Explanation } from './search-explanation.js';
import type { SequentialModel, TimedOperation } from './sequential-model.js';

/** Tries of an operation in a state, for each object: some seconds and some hundred MiB at most. */
export const SEARCH_STEPS_MAX = 5_000_000;

export type SearchLimits = {
  /** A number of steps and not a time, so that one history always has one verdict. */
  readonly stepsMax?: number;
};

/** `unknown`: the search gave up at its limit. A check that did not finish has not passed: treat it as a failure. */
export type SearchVerdict = 'linearizable' | 'violation' | 'unknown';

/** An object whose history was not found to be linearizable. */
export type SearchFinding = {
  readonly verdict: Exclude<SearchVerdict, 'linearizable'>;
  /** The key, or the name of the lock. */
  readonly partition: string;
  /** Given for a violation. */
  readonly explanation: Explanation | null;
  readonly message: string;
};

export type SearchReport = {
  /** `violation` if any object has one, else `unknown` if any object's search gave up. */
  readonly verdict: SearchVerdict;
  /** Empty exactly when the verdict is `linearizable`. */
  readonly findings: readonly SearchFinding[];
  readonly steps: number;
};

/**
 * Checks a history by searching for an order that explains it. It trusts nothing but what clients saw: not the revisions that
 * answers carry, and no watch. The price is time exponential in how many operations of one object overlap: keep it
 * to about five clients on a key, and a few thousand operations.
 * @throws HistoryInvariantViolation when an operation ends before it begins
 */
export function checkBySearch<State extends object, Input, Output>(
  model: SequentialModel<State, Input, Output>,
  operations: readonly TimedOperation<Input, Output>[],
  limits: SearchLimits = {},
): SearchReport {
  const { stepsMax = SEARCH_STEPS_MAX } = limits;
  const findings: SearchFinding[] = [];
  let steps = 0;
  for (const [partition, ofPartition] of partitions(model, operations)) {
    const searched = toSearch(model, ofPartition);
    const outcome = new LinearizationSearch(model, searched).run(stepsMax);
    steps += outcome.steps;
    if (outcome.verdict === 'violation') {
      const explanation = explain(model, searched, outcome.longestOrder);
      const message = `${partition}: no order of the operations explains what clients saw; ${explanation.text}`;
      findings.push({ verdict: 'violation', partition, explanation, message });
    } else if (outcome.verdict === 'unknown') {
      const message = `${partition}: no verdict on ${searched.length} operations after ${outcome.steps} steps`;
      findings.push({ verdict: 'unknown', partition, explanation: null, message });
    }
  }
  return { verdict: worst(findings), findings, steps };
}

function worst(findings: readonly SearchFinding[]): SearchVerdict {
  if (findings.some(({ verdict }) => verdict === 'violation')) return 'violation';
  return findings.length > 0 ? 'unknown' : 'linearizable';
}

function partitions<State extends object, Input, Output>(
  model: SequentialModel<State, Input, Output>,
  operations: readonly TimedOperation<Input, Output>[],
): Map<string, TimedOperation<Input, Output>[]> {
  const byPartition = new Map<string, TimedOperation<Input, Output>[]>();
  for (const operation of operations) {
    const partition = model.partitionOf(operation.input);
    const ofPartition = byPartition.get(partition);
    if (ofPartition === undefined) byPartition.set(partition, [operation]);
    else ofPartition.push(operation);
  }
  return byPartition;
}

/** Without the failed ones, which did nothing, and the unanswered ones that the model knows not to matter. */
function toSearch<State extends object, Input, Output>(
  model: SequentialModel<State, Input, Output>,
  operations: readonly TimedOperation<Input, Output>[],
): SearchedOperation<Input, Output>[] {
  const candidates = operations.filter(({ ending }) => ending.type !== 'failed');
  const settlement = model.settleUnanswered?.(candidates);
  const searched: SearchedOperation<Input, Output>[] = [];
  for (const operation of candidates) {
    const { ending, invokedAtMs } = operation;
    if (ending.type === 'ok') {
      const { returnedAtMs } = ending;
      invariant(
        returnedAtMs >= invokedAtMs,
        `${operation.client}'s operation ends before it begins, at ${returnedAtMs}`,
      );
      searched.push({ operation, endsAtMs: returnedAtMs });
      continue;
    }
    const endsAtMs = settlement?.get(operation);
    if (endsAtMs !== null) searched.push({ operation, endsAtMs: endsAtMs ?? Infinity });
  }
  return searched.toSorted((one, other) => one.operation.invokedAtMs - other.operation.invokedAtMs);
}
