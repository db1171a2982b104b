import type { ClientResult, ErrorBody } from '@latchkey/contracts';
import { errorBody } from '@latchkey/contracts';
import type { Outcome } from '@latchkey/state-machine';
import { deleteResult, putResult, txnResult } from './to-result.js';
import { errorBodyOfRefusal } from './wire-error.js';
import type { WriteRequest } from './write-request.js';

export type Answer = { readonly result: ClientResult } | { readonly error: ErrorBody };

type SimpleWrite = Exclude<WriteRequest, { readonly op: 'acquire' }>;

/** What an outcome means to the client that asked. `leaseRemainingMs`: for a grant, what is left of it at least. */
export function answerOf(request: SimpleWrite, outcome: Outcome, leaseRemainingMs: (ttlMs: number) => number): Answer {
  if (outcome.type === 'refused') return { error: errorBodyOfRefusal(outcome) };
  const { revision } = outcome;
  switch (request.op) {
    case 'put':
      if (outcome.type === 'put') return { result: putResult(request, outcome) };
      break;
    case 'delete':
      if (outcome.type === 'deleted') return { result: deleteResult(request, outcome) };
      break;
    case 'txn':
      if (outcome.type === 'transaction') return { result: txnResult(request, outcome) };
      break;
    case 'compact':
      if (outcome.type === 'compacted') return { result: { revision, compactRevision: outcome.compactRevision } };
      break;
    case 'leaseGrant':
      if (outcome.type === 'leaseGranted') {
        const { leaseId: id, ttlMs } = outcome;
        return { result: { revision, id, ttlMs, remainingMs: leaseRemainingMs(ttlMs) } };
      }
      break;
    case 'leaseRevoke':
      if (outcome.type === 'leaseEnded') return { result: { revision } };
      break;
    case 'release':
      if (outcome.type === 'queueLeft')
        return outcome.left
          ? { result: { revision } }
          : {
              error: errorBody('LOCK_NOT_HELD', 'this lease neither holds the lock nor waits for it', {
                currentRevision: revision,
              }),
            };
      break;
    case 'forceRelease':
      if (outcome.type === 'evicted') return { result: { revision, released: outcome.holder !== null } };
      break;
  }
  // A session's sequence, or an idempotency key, that was used before for something else.
  return {
    error: errorBody('INVALID_ARGUMENT', `this id was used before for another operation (${outcome.type})`, {
      field: 'id',
    }),
  };
}
