import { commitRevision, type ApplyContext, type ReplicatedState } from './apply-context.js';
import type { DeleteOperation, Operation, PutOperation, RangeOperation, TransactionOperation } from './commands.js';
import { holds } from './comparisons.js';
import { assertNever } from './invariant.js';
import { deleteRange, put, readRange } from './operations.js';
import type { OperationOutcome, Refusal, TransactionOutcome } from './outcomes.js';
import { refusal } from './refusal.js';
import { refuseShape } from './transaction-shape.js';
import { leaseAfterPut, refuseDelete, refusePut } from './write-guards.js';

/** A transaction whose branch is chosen, all the way down. */
type Branch = { readonly type: 'branch'; readonly succeeded: boolean; readonly steps: readonly Step[] };
type Step = PutOperation | DeleteOperation | RangeOperation | Branch;

/**
 * Runs a transaction: all comparisons, also nested ones, and all guards of the operations that will run are decided on
 * the state before any write; then either everything is written, under one revision, or nothing. Because no key may be
 * written twice, no guard could turn out otherwise half way through.
 */
export function executeTransaction(
  context: ApplyContext,
  transaction: TransactionOperation,
): TransactionOutcome | Refusal {
  const wrongShape = refuseShape(transaction);
  if (wrongShape !== null) return wrongShape;
  const branch = choose(context.state, transaction);
  const refused = refuseSteps(context.state, branch, new Set());
  if (refused !== null) return refused;
  const outcome = run(context, branch);
  commitRevision(context);
  return outcome;
}

function choose(state: ReplicatedState, transaction: TransactionOperation): Branch {
  const succeeded = transaction.comparisons.every((comparison) => holds(state.keySpace, comparison));
  const operations: readonly Operation[] = succeeded ? transaction.success : transaction.failure;
  const steps = operations.map((each): Step => (each.type === 'transaction' ? choose(state, each) : each));
  return { type: 'branch', succeeded, steps };
}

/** @param entered the queues that steps before these enter; two places of one revision would have one fencing token. */
function refuseSteps(state: ReplicatedState, branch: Branch, entered: Set<string>): Refusal | null {
  for (const step of branch.steps) {
    const refused = refuseStep(state, step, entered);
    if (refused !== null) return refused;
  }
  return null;
}

function refuseStep(state: ReplicatedState, step: Step, entered: Set<string>): Refusal | null {
  switch (step.type) {
    case 'put':
      return refusePut(state, step) ?? refuseSecondPlace(state, step, entered);
    case 'delete':
      return refuseDelete(state, step);
    case 'range':
      return null;
    case 'branch':
      return refuseSteps(state, step, entered);
    default:
      return assertNever(step);
  }
}

function refuseSecondPlace(state: ReplicatedState, operation: PutOperation, entered: Set<string>): Refusal | null {
  const current = state.keySpace.get(operation.key);
  const leaseId = leaseAfterPut(operation, current);
  if (current !== null || leaseId === null) return null;
  const place = state.queues.placeOf(operation.key, leaseId);
  if (place === null) return null;
  const queue = `${place.space}/${place.name}`;
  if (entered.has(queue)) return refusal('DUPLICATE_KEY');
  entered.add(queue);
  return null;
}

function run(context: ApplyContext, branch: Branch): TransactionOutcome {
  const responses = branch.steps.map((step) => runStep(context, step));
  return {
    type: 'transaction',
    revision: context.state.keySpace.revisionInside,
    succeeded: branch.succeeded,
    responses,
  };
}

function runStep(context: ApplyContext, step: Step): OperationOutcome {
  switch (step.type) {
    case 'put':
      return put(context, step);
    case 'delete':
      return deleteRange(context, step);
    case 'range':
      return readRange(context, step);
    case 'branch':
      return run(context, step);
    default:
      return assertNever(step);
  }
}
