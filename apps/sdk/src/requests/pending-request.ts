import type { ClientRequest, ClientResult, ErrorBody } from '@latchkey/contracts';
import { OutcomeUnknownError, UnavailableError, errorFromBody } from '../errors/latchkey-error.js';
import type { OperationKind } from './operation-traits.js';

/** A request that its caller still waits for. */
export type PendingRequest = {
  /** Grows by one over the client's life; with the session it is the exactly-once identity. */
  id: number;
  readonly kind: OperationKind;
  request: ClientRequest;
  /** About how much of a frame it takes. */
  readonly bytes: number;
  /** Makes the request anew before it is sent again, e.g. with what is left of its waiting time. */
  readonly refresh: ((nowMs: number) => ClientRequest) | null;
  /** Under which it was first sent; null before, and for requests without one. */
  session: string | null;
  readonly deadlineMs: number;
  /** Sent on the current connection and not answered. */
  sent: boolean;
  /** An earlier sending was never answered, or was answered with "unknown": it may have taken effect. */
  maybeDone: boolean;
  /** The caller no longer wants it: it is not sent again. */
  cancelled: boolean;
  /** Why the last sending did not work although nothing was done. */
  lastError: ErrorBody | null;
  internalErrors: number;
  readonly resolve: (result: ClientResult) => void;
  readonly reject: (error: unknown) => void;
};

export function isWrite(pending: PendingRequest): boolean {
  return pending.kind === 'sessionWrite' || pending.kind === 'leaseWrite';
}

/** What the caller is told when nobody waits any longer for an answer. */
export function abandonmentError(pending: PendingRequest, why: string): Error {
  const { op } = pending.request;
  const cause = pending.lastError === null ? undefined : errorFromBody(pending.lastError);
  if (isWrite(pending) && (pending.sent || pending.maybeDone)) {
    return new OutcomeUnknownError(`${op}: ${why} after it was sent; it may or may not have taken effect`, { cause });
  }
  // Full or over a limit is a better answer than "unavailable": the node did answer.
  if (cause !== undefined && cause.code === 'TOO_MANY') return cause;
  const lastAnswer = pending.lastError === null ? 'no node answered' : `last answer: ${pending.lastError.message}`;
  return new UnavailableError(`${op}: ${why} (${lastAnswer}); nothing was done`, { cause });
}
