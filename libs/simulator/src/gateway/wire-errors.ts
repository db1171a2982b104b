import { ReplicaError } from '@latchkey/replica';
import type { ErrorBody, ErrorCode } from '@latchkey/sdk-core';
import type { Refusal, RefusalCode } from '@latchkey/state-machine';

const SAFE: ReadonlySet<ErrorCode> = new Set([
  'LOCK_HELD',
  'LOCK_WAIT_TIMEOUT',
  'TOO_MANY',
  'CANCELLED',
  'UNAVAILABLE',
  'OVERLOADED',
]);
const ONLY_IF_IDEMPOTENT: ReadonlySet<ErrorCode> = new Set(['OUTCOME_UNKNOWN', 'INTERNAL']);

/** An error body with the retry class that the wire gives its code. */
export function errorBody(
  code: ErrorCode,
  message: string,
  details: Readonly<Record<string, unknown>> = {},
): ErrorBody {
  const retry = SAFE.has(code) ? 'safe' : ONLY_IF_IDEMPOTENT.has(code) ? 'onlyIfIdempotent' : 'never';
  return { code, message, retry, details };
}

/** What a failed operation of the replica means to a client. @throws anything that is not a ReplicaError: a bug */
export function bodyOfReplicaError(error: unknown): ErrorBody {
  if (!(error instanceof ReplicaError)) throw error;
  switch (error.code) {
    case 'OVERLOADED':
    case 'TOO_LARGE':
    case 'OUTCOME_UNKNOWN':
      return errorBody(error.code, error.message);
    default:
      return errorBody('UNAVAILABLE', error.message);
  }
}

/** Refusals that the wire calls by another name. */
const WIRE_CODES: Readonly<Partial<Record<RefusalCode, ErrorCode>>> = {
  INVALID_TTL: 'INVALID_ARGUMENT',
  QUEUE_PLACE_LOST: 'LOCK_NOT_HELD',
  MALFORMED: 'INVALID_ARGUMENT',
};

type SharedCode = Extract<RefusalCode, ErrorCode>;

/** A refusal of the replicated state, in the words of the wire. */
export function bodyOfRefusal({ code, revisionDetail }: Refusal): ErrorBody {
  // A code without an entry in WIRE_CODES is an ErrorCode itself.
  const wireCode = WIRE_CODES[code] ?? (code as SharedCode);
  if (revisionDetail === null) return errorBody(wireCode, code);
  const name = code === 'COMPACTED' ? 'compactRevision' : 'currentRevision';
  return errorBody(wireCode, code, { [name]: revisionDetail });
}
