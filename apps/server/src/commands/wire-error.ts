import { errorBody, type ErrorBody, type ErrorCode } from '@latchkey/contracts';
import { ReplicaError } from '@latchkey/replica';
import type { Refusal, RefusalCode } from '@latchkey/state-machine';

/** An answer that is not a result, on its way to the edge where it becomes a frame or a status code. */
export class WireError extends Error {
  override readonly name = 'WireError';
  constructor(readonly body: ErrorBody) {
    super(body.message);
  }
}

export const wireError = (
  code: ErrorCode,
  message: string,
  details: Readonly<Record<string, unknown>> = {},
): WireError => new WireError(errorBody(code, message, details));

/** What a failed operation of the replica means to a client; null for anything else, which is a bug. */
export function errorBodyOfReplica(error: unknown): ErrorBody | null {
  if (error instanceof WireError) return error.body;
  if (!(error instanceof ReplicaError)) return null;
  switch (error.code) {
    case 'NO_LEADER':
      return errorBody('UNAVAILABLE', 'no leader at the moment; nothing was done');
    case 'NOT_LEADER':
    case 'TRANSFER_FAILED':
      return errorBody('UNAVAILABLE', error.message);
    case 'MEMBERSHIP_REFUSED':
      // What may be possible in a moment is told apart from what never will be.
      return errorBody(error.retry === 'safe' ? 'UNAVAILABLE' : 'INVALID_ARGUMENT', error.message);
    case 'SHUTTING_DOWN':
      return errorBody('UNAVAILABLE', 'this node is stopping; nothing was done');
    case 'OVERLOADED':
      return errorBody('OVERLOADED', 'too much is waiting; nothing was done');
    case 'TOO_LARGE':
      return errorBody('TOO_LARGE', error.message);
    case 'OUTCOME_UNKNOWN':
      return errorBody('OUTCOME_UNKNOWN', `it may or may not have been done: ${error.message}`);
  }
}

const REFUSAL_MESSAGES: Readonly<Record<RefusalCode, string>> = {
  REVISION_MISMATCH: 'the key has another revision than the one asked for',
  KEY_NOT_FOUND: 'no such key',
  LEASE_NOT_FOUND: 'no such lease: it has ended or never was',
  LEASE_EXISTS: 'a lease with this id exists, or did',
  LOCK_NOT_HELD: 'this lease neither holds the lock nor waits for it',
  COMPACTED: 'that revision has been compacted away',
  FUTURE_REVISION: 'that revision does not exist yet',
  DUPLICATE_KEY: 'a transaction may write a key once only',
  TOO_LARGE: 'too large',
  TOO_MANY: 'too many',
  SESSION_NOT_FOUND: 'the session has ended; whether an earlier attempt took effect is not known',
  SEQUENCE_ACKNOWLEDGED: 'this request was acknowledged as answered before',
  IDEMPOTENCY_KEY_REUSED: 'the idempotency key was used before, for another request',
  INVALID_TTL: 'ttlMs: outside the allowed range',
  QUEUE_PLACE_LOST: 'the key of this place was detached from its lease: delete it and enter again',
  MALFORMED: 'the command contradicts itself or could not be read back from the log',
};

/** Refusals that the wire calls by another name. */
const WIRE_CODES: Readonly<Partial<Record<RefusalCode, ErrorCode>>> = {
  INVALID_TTL: 'INVALID_ARGUMENT',
  QUEUE_PLACE_LOST: 'LOCK_NOT_HELD',
  MALFORMED: 'INVALID_ARGUMENT',
};

type SharedCode = Extract<RefusalCode, ErrorCode>;

/** A refusal of the replicated state, in the words of the wire. */
export function errorBodyOfRefusal(refusal: Refusal): ErrorBody {
  // A code without an entry in WIRE_CODES is an ErrorCode itself.
  const code = WIRE_CODES[refusal.code] ?? (refusal.code as SharedCode);
  return errorBody(code, REFUSAL_MESSAGES[refusal.code], detailsOf(refusal));
}

function detailsOf({ code, revisionDetail }: Refusal): Readonly<Record<string, unknown>> {
  if (code === 'INVALID_TTL') return { field: 'ttlMs' };
  if (revisionDetail === null) return {};
  return code === 'COMPACTED' ? { compactRevision: revisionDetail } : { currentRevision: revisionDetail };
}
