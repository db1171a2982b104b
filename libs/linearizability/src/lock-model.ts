import { checkBySearch, type SearchLimits, type SearchReport } from './check-by-search.js';
import type { SequentialModel, TimedOperation } from './sequential-model.js';

/**
 * `holder` is who the lock is granted to: a lease, or a client that has only one. A release names the grant by its fencing token;
 * null, for who never learned the token, releases whatever grant the holder has.
 *
 * A lease that may run out is recorded as an unanswered release with the grant's token, invoked when it may first run out.
 */
export type LockInput =
  | { readonly type: 'acquire'; readonly lock: string; readonly holder: string }
  | { readonly type: 'release'; readonly lock: string; readonly holder: string; readonly fencingToken: number | null };

/** `held`: refused, someone else has it. `notHeld`: there was no such grant to release. Tokens are whole numbers. */
export type LockOutput =
  | { readonly type: 'acquired'; readonly fencingToken: number }
  | { readonly type: 'held' }
  | { readonly type: 'released' }
  | { readonly type: 'notHeld' };

export type LockOperation = TimedOperation<LockInput, LockOutput>;

type LockState = {
  readonly holder: string | null;
  /** Of the last grant; when that was never answered, the least that it can be. */
  readonly fencingToken: number;
  readonly isTokenKnown: boolean;
};

/**
 * An exclusive lock: one holder at a time, each grant with a greater fencing token than all before. Who holds it and asks again gets
 * the same grant again.
 */
export const lockModel: SequentialModel<LockState, LockInput, LockOutput> = {
  init: () => ({ holder: null, fencingToken: 0, isTokenKnown: true }),
  step: (state, input, output) =>
    input.type === 'acquire' ? acquire(state, input, output) : release(state, input, output),
  stateKey: ({ holder, fencingToken, isTokenKnown }) =>
    `${fencingToken}${isTokenKnown ? '=' : '<'}${holder === null ? '' : `:${holder}`}`,
  inputKey: (input) => `${input.type} ${input.type === 'release' ? input.fencingToken : ''} ${input.holder}`,
  partitionOf: ({ lock }) => lock,
  isObservation: (_input, { type }) => type === 'held' || type === 'notHeld',
  describe: (input, output) => `${describeInput(input)}${output === undefined ? '' : ` → ${describeOutput(output)}`}`,
  describeState: ({ holder, fencingToken, isTokenKnown }) => {
    const token = `token ${fencingToken}${isTokenKnown ? '' : ' or more'}`;
    return holder === null ? `the lock is free (last ${token})` : `${holder} holds the lock (${token})`;
  },
};

/**
 * Checks each lock's history by search.
 * @throws HistoryInvariantViolation when an operation ends before it begins
 */
export function checkLocksBySearch(operations: readonly LockOperation[], limits: SearchLimits = {}): SearchReport {
  return checkBySearch(lockModel, operations, limits);
}

type InputOf<Type extends LockInput['type']> = Extract<LockInput, { readonly type: Type }>;

function acquire(state: LockState, { holder }: InputOf<'acquire'>, output: LockOutput | undefined): LockState | null {
  const isHolder = state.holder === holder;
  const isHeldByOther = state.holder !== null && !isHolder;
  if (output === undefined) {
    if (state.holder !== null) return state;
    return { holder, fencingToken: state.fencingToken + 1, isTokenKnown: false };
  }
  if (output.type === 'held') return isHeldByOther ? state : null;
  if (output.type !== 'acquired' || isHeldByOther) return null;
  const { fencingToken } = output;
  if (isHolder ? !isTokenOf(state, fencingToken) : fencingToken <= state.fencingToken) return null;
  return { holder, fencingToken, isTokenKnown: true };
}

function release(state: LockState, input: InputOf<'release'>, output: LockOutput | undefined): LockState | null {
  const { holder, fencingToken } = input;
  const isGranted = state.holder === holder && (fencingToken === null || isTokenOf(state, fencingToken));
  if (output?.type === 'notHeld') return isGranted ? null : state;
  if (output !== undefined && output.type !== 'released') return null;
  if (!isGranted) return output === undefined ? state : null;
  if (fencingToken === null) return { ...state, holder: null };
  return { holder: null, fencingToken, isTokenKnown: true };
}

const isTokenOf = (state: LockState, fencingToken: number) =>
  state.isTokenKnown ? fencingToken === state.fencingToken : fencingToken >= state.fencingToken;

function describeInput(input: LockInput): string {
  if (input.type === 'acquire') return `acquire for ${input.holder}`;
  return `release for ${input.holder}${input.fencingToken === null ? '' : ` of token ${input.fencingToken}`}`;
}

const describeOutput = (output: LockOutput) =>
  output.type === 'acquired' ? `acquired with token ${output.fencingToken}` : output.type;
