/**
 * Whether a request that failed may be sent again: freely (nothing was done), only under the same exactly-once identity
 * (it may have been done), or not at all (the answer would be the same).
 */
export type RetryClass = 'safe' | 'onlyIfIdempotent' | 'never';

/** Every code that leaves a node. Stable: never renamed, never given another meaning. */
export type ErrorCode =
  | 'INVALID_ARGUMENT'
  | 'TOO_LARGE'
  | 'UNAUTHENTICATED'
  | 'PROTOCOL_VERSION'
  | 'NOT_FOUND'
  | 'KEY_NOT_FOUND'
  | 'LEASE_NOT_FOUND'
  | 'LEASE_EXISTS'
  | 'LOCK_HELD'
  | 'LOCK_NOT_HELD'
  /** The wait ended by `waitMs`; the requester is no longer in the queue. */
  | 'LOCK_WAIT_TIMEOUT'
  | 'REVISION_MISMATCH'
  | 'COMPACTED'
  | 'FUTURE_REVISION'
  | 'DUPLICATE_KEY'
  | 'SESSION_NOT_FOUND'
  | 'SEQUENCE_ACKNOWLEDGED'
  | 'IDEMPOTENCY_KEY_REUSED'
  | 'TOO_MANY'
  | 'CANCELLED'
  /** Nothing was done: no leader, stopping. */
  | 'UNAVAILABLE'
  | 'OVERLOADED'
  | 'OUTCOME_UNKNOWN'
  | 'INTERNAL';

type ErrorTraits = { readonly httpStatus: number; readonly retry: RetryClass };

export const ERROR_TRAITS: Readonly<Record<ErrorCode, ErrorTraits>> = {
  INVALID_ARGUMENT: { httpStatus: 400, retry: 'never' },
  TOO_LARGE: { httpStatus: 413, retry: 'never' },
  UNAUTHENTICATED: { httpStatus: 401, retry: 'never' },
  PROTOCOL_VERSION: { httpStatus: 400, retry: 'never' },
  NOT_FOUND: { httpStatus: 404, retry: 'never' },
  KEY_NOT_FOUND: { httpStatus: 404, retry: 'never' },
  LEASE_NOT_FOUND: { httpStatus: 404, retry: 'never' },
  LEASE_EXISTS: { httpStatus: 409, retry: 'never' },
  LOCK_HELD: { httpStatus: 409, retry: 'safe' },
  LOCK_NOT_HELD: { httpStatus: 409, retry: 'never' },
  LOCK_WAIT_TIMEOUT: { httpStatus: 409, retry: 'safe' },
  REVISION_MISMATCH: { httpStatus: 412, retry: 'never' },
  COMPACTED: { httpStatus: 410, retry: 'never' },
  FUTURE_REVISION: { httpStatus: 400, retry: 'never' },
  DUPLICATE_KEY: { httpStatus: 400, retry: 'never' },
  SESSION_NOT_FOUND: { httpStatus: 404, retry: 'never' },
  SEQUENCE_ACKNOWLEDGED: { httpStatus: 409, retry: 'never' },
  IDEMPOTENCY_KEY_REUSED: { httpStatus: 409, retry: 'never' },
  TOO_MANY: { httpStatus: 429, retry: 'safe' },
  CANCELLED: { httpStatus: 499, retry: 'safe' },
  UNAVAILABLE: { httpStatus: 503, retry: 'safe' },
  OVERLOADED: { httpStatus: 503, retry: 'safe' },
  OUTCOME_UNKNOWN: { httpStatus: 504, retry: 'onlyIfIdempotent' },
  INTERNAL: { httpStatus: 500, retry: 'onlyIfIdempotent' },
};

/** The body of every failed answer, over HTTP and over the socket. */
export type ErrorBody = {
  readonly code: ErrorCode;
  /** One line for a person; may change at any time. */
  readonly message: string;
  readonly retry: RetryClass;
  /** By code: `field` (INVALID_ARGUMENT), `compactRevision` (COMPACTED), `currentRevision`, `holder` (LOCK_HELD), … */
  readonly details: Readonly<Record<string, unknown>>;
};

/** An error body with the retry class that belongs to its code. */
export function errorBody(
  code: ErrorCode,
  message: string,
  details: Readonly<Record<string, unknown>> = {},
): ErrorBody {
  return { code, message, retry: ERROR_TRAITS[code].retry, details };
}
