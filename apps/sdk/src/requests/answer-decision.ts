import type { ErrorBody } from '@latchkey/contracts';
import type { PendingRequest } from './pending-request.js';
import { isWrite } from './pending-request.js';

/** INTERNAL is a fault of the node that a repeat may pass by, or a bug that every repeat meets. */
export const MAX_INTERNAL_ERROR_RETRIES = 3;

export type AnswerDecision =
  /** Nothing was done, or repeating under the same identity cannot do it twice. */
  | 'retry'
  /** The session was gone and nothing was done: once more under the next session. */
  | 'retryUnderNewSession'
  /** The node forgot this id because we acknowledged it while waiting: a new id finds the same place in the queue. */
  | 'retryUnderNewId'
  /** The session that remembered the first sending is gone, so nobody knows. */
  | 'outcomeUnknown'
  | 'sessionLost'
  | 'fail';

/** What follows from a node's refusal: the whole retry policy by class (ARCHITECTURE.md §4.4, FAILURE-MODES 38). */
export function decideOnRefusal(pending: PendingRequest, body: ErrorBody): AnswerDecision {
  if (pending.cancelled) return 'fail';
  switch (body.code) {
    case 'UNAVAILABLE':
    case 'OVERLOADED':
    case 'TOO_MANY':
      return 'retry';
    case 'OUTCOME_UNKNOWN':
      return pending.kind === 'connection' ? 'fail' : 'retry';
    case 'INTERNAL':
      if (pending.kind !== 'connection' && pending.internalErrors < MAX_INTERNAL_ERROR_RETRIES) return 'retry';
      return isWrite(pending) ? 'outcomeUnknown' : 'fail';
    case 'SESSION_NOT_FOUND':
      if (!isWrite(pending)) return 'fail';
      if (pending.kind === 'leaseWrite') return 'sessionLost';
      return pending.maybeDone ? 'outcomeUnknown' : 'retryUnderNewSession';
    case 'SEQUENCE_ACKNOWLEDGED':
      return pending.request.op === 'acquire' ? 'retryUnderNewId' : 'fail';
    default:
      return 'fail';
  }
}
