import type { ErrorBody, ErrorCode, RetryClass } from '@latchkey/contracts';

/** The server's codes, and those which only a client can have. */
export type LatchkeyErrorCode = ErrorCode | 'SESSION_LOST' | 'CLIENT_CLOSED' | 'STALE_FENCING_TOKEN';

export type ErrorInfo = {
  readonly retry?: RetryClass;
  readonly details?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
};

/** Every failure the SDK reports. `code` is stable; `retry` says whether the same call may be made again. */
export class LatchkeyError extends Error {
  override readonly name: string = 'LatchkeyError';
  readonly retry: RetryClass;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(
    readonly code: LatchkeyErrorCode,
    message: string,
    info: ErrorInfo = {},
  ) {
    super(message, info.cause === undefined ? undefined : { cause: info.cause });
    this.retry = info.retry ?? 'never';
    this.details = info.details ?? {};
  }
}

/** Busy: somebody else has the lock, and the wait (if any) is over. Nothing is broken. `holder` when it is known. */
export class LockHeldError extends LatchkeyError {
  override readonly name = 'LockHeldError';
  readonly holder: unknown;

  constructor(message: string, info: ErrorInfo & { readonly code?: 'LOCK_HELD' | 'LOCK_WAIT_TIMEOUT' } = {}) {
    super(info.code ?? 'LOCK_HELD', message, { retry: 'safe', ...info });
    this.holder = this.details['holder'] ?? null;
  }
}

/** Broken: no node answered in time, and nothing was done. */
export class UnavailableError extends LatchkeyError {
  override readonly name = 'UnavailableError';

  constructor(message: string, info: ErrorInfo & { readonly code?: 'UNAVAILABLE' | 'OVERLOADED' } = {}) {
    super(info.code ?? 'UNAVAILABLE', message, { retry: 'safe', ...info });
  }
}

/** The write may or may not have happened. Read before writing again, or make the write conditional. */
export class OutcomeUnknownError extends LatchkeyError {
  override readonly name = 'OutcomeUnknownError';

  constructor(message: string, info: ErrorInfo = {}) {
    super('OUTCOME_UNKNOWN', message, { retry: 'onlyIfIdempotent', ...info });
  }
}

/** The lease under this lock, leadership or session has run out or may run out any moment: somebody else may have it now. */
export class SessionLostError extends LatchkeyError {
  override readonly name = 'SessionLostError';

  constructor(message: string, info: ErrorInfo = {}) {
    super('SESSION_LOST', message, info);
  }
}

/** The lock was released already, or taken away by an administrator. */
export class LockNotHeldError extends LatchkeyError {
  override readonly name = 'LockNotHeldError';

  constructor(message: string, info: ErrorInfo = {}) {
    super('LOCK_NOT_HELD', message, info);
  }
}

/** `ifRevision` did not match. `currentRevision`: the key's modRevision, 0 = it does not exist, null = not told. */
export class RevisionMismatchError extends LatchkeyError {
  override readonly name = 'RevisionMismatchError';
  readonly currentRevision: number | null;

  constructor(message: string, info: ErrorInfo = {}) {
    super('REVISION_MISMATCH', message, info);
    this.currentRevision = numberOrNull(this.details['currentRevision']);
  }
}

/** The asked revisions are gone. `compactRevision`: the oldest that can still be read, null = not told. */
export class CompactedError extends LatchkeyError {
  override readonly name = 'CompactedError';
  readonly compactRevision: number | null;

  constructor(message: string, info: ErrorInfo = {}) {
    super('COMPACTED', message, info);
    this.compactRevision = numberOrNull(this.details['compactRevision']);
  }
}

/** The call itself is wrong. `field` names what, when it is known. */
export class InvalidArgumentError extends LatchkeyError {
  override readonly name = 'InvalidArgumentError';
  readonly field: string | null;

  constructor(message: string, info: ErrorInfo & { readonly code?: 'INVALID_ARGUMENT' | 'TOO_LARGE' } = {}) {
    super(info.code ?? 'INVALID_ARGUMENT', message, info);
    const field = this.details['field'];
    this.field = typeof field === 'string' ? field : null;
  }
}

/** `close()` was called. */
export class ClientClosedError extends LatchkeyError {
  override readonly name = 'ClientClosedError';

  constructor(message = 'this client is closed') {
    super('CLIENT_CLOSED', message);
  }
}

/** The error class of a node's answer. */
export function errorFromBody(body: ErrorBody): LatchkeyError {
  const { code, message, retry, details } = body;
  switch (code) {
    case 'LOCK_HELD':
    case 'LOCK_WAIT_TIMEOUT':
      return new LockHeldError(message, { code, retry, details });
    case 'UNAVAILABLE':
    case 'OVERLOADED':
      return new UnavailableError(message, { code, retry, details });
    case 'INVALID_ARGUMENT':
    case 'TOO_LARGE':
      return new InvalidArgumentError(message, { code, retry, details });
    case 'OUTCOME_UNKNOWN':
      return new OutcomeUnknownError(message, { retry, details });
    case 'SESSION_NOT_FOUND':
      return new SessionLostError(message, { retry, details });
    case 'LOCK_NOT_HELD':
      return new LockNotHeldError(message, { retry, details });
    case 'REVISION_MISMATCH':
      return new RevisionMismatchError(message, { retry, details });
    case 'COMPACTED':
      return new CompactedError(message, { retry, details });
    default:
      return new LatchkeyError(code, message, { retry, details });
  }
}

/** True for a LatchkeyError with one of these codes. */
export function hasCode(error: unknown, ...codes: readonly LatchkeyErrorCode[]): error is LatchkeyError {
  return error instanceof LatchkeyError && codes.includes(error.code);
}

function numberOrNull(value: unknown): number | null {
  return typeof value === 'number' ? value : null;
}
