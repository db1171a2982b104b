import { mustTakeEffect } from './event-line.js';
import { invariant } from './invariant.js';
import { outputOf, type SearchedOperation } from './linearization-search.js';
import type { SequentialModel } from './sequential-model.js';

/** So many lines of each kind are told; the rest is counted. */
const LINES_MAX = 20;

/** Why an object's history has no order, for a person. */
export type Explanation = {
  /** The last operations of the longest order that was found to be possible. */
  readonly longestOrder: readonly string[];
  /** The operations one of which had to come next, and none could. The first is the one that could wait least. */
  readonly unplaced: readonly string[];
  readonly text: string;
};

/** @param longestOrder positions in `operations`, as the search found them */
export function explain<State extends object, Input, Output>(
  model: SequentialModel<State, Input, Output>,
  operations: readonly SearchedOperation<Input, Output>[],
  longestOrder: readonly number[],
): Explanation {
  const tell = (searched: SearchedOperation<Input, Output>) => describe(model, searched);
  const placed = longestOrder.map((position) => {
    const searched = operations[position];
    invariant(searched !== undefined, `no operation at ${position}`);
    return searched;
  });
  const state = replay(model, placed);
  const inOrder = new Set(placed);
  const left = operations.filter((searched) => !inOrder.has(searched));
  const firstEndMs = left.reduce((first, { endsAtMs }) => Math.min(first, endsAtMs), Infinity);
  const next = left
    .filter(({ operation }) => operation.invokedAtMs <= firstEndMs)
    .toSorted((one, other) => one.endsAtMs - other.endsAtMs);
  const told = placed.slice(-LINES_MAX).map(tell);
  const unplaced = next.map(tell);
  const text = [
    `the longest order found has ${placed.length} of ${operations.length} operations:`,
    ...(placed.length > told.length ? [`  … ${placed.length - told.length} before`] : []),
    ...told.map((line) => `  ${line}`),
    `then ${model.describeState(state)}, and none of these can come next:`,
    ...unplaced.slice(0, LINES_MAX).map((line) => `  ${line}`),
    ...(unplaced.length > LINES_MAX ? [`  … and ${unplaced.length - LINES_MAX} more`] : []),
  ].join('\n');
  return { longestOrder: told, unplaced, text };
}

function replay<State extends object, Input, Output>(
  model: SequentialModel<State, Input, Output>,
  placed: readonly SearchedOperation<Input, Output>[],
): State {
  let state = model.init();
  for (const searched of placed) {
    const after = model.step(state, searched.operation.input, outputOf(searched));
    invariant(after !== null, 'the search placed an operation that the model refuses');
    state = after;
  }
  return state;
}

function describe<State extends object, Input, Output>(
  model: SequentialModel<State, Input, Output>,
  searched: SearchedOperation<Input, Output>,
): string {
  const { client, input, invokedAtMs, ending } = searched.operation;
  const what = `${client}: ${model.describe(input, outputOf(searched))}`;
  if (ending.type === 'ok') return `${what} (${invokedAtMs} to ${ending.returnedAtMs} ms)`;
  const until = mustTakeEffect(searched) ? `, its effect seen by ${searched.endsAtMs} ms` : '';
  return `${what} (from ${invokedAtMs} ms, no answer${until})`;
}
