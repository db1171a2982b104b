import { LatchkeyError } from '@latchkey/sdk';
import type { LatchkeyErrorCode } from '@latchkey/sdk';
import { ServiceError } from './client/service-error.js';
import { CliError, messageOf } from './cli-error.js';
import { EXIT_CODE, type ExitCode } from './exit-code.js';

/** One failure, as the person and the script see it. */
export type FailureReport = {
  readonly exitCode: ExitCode;
  /** One line, without `latchkey:`. */
  readonly message: string;
  /** For `--json`: the service's code, or null for a failure that is ours. */
  readonly code: string | null;
  readonly details: Readonly<Record<string, unknown>>;
};

const EXIT_BY_CODE: Readonly<Partial<Record<LatchkeyErrorCode, ExitCode>>> = {
  INVALID_ARGUMENT: EXIT_CODE.usage,
  TOO_LARGE: EXIT_CODE.usage,
  UNAVAILABLE: EXIT_CODE.unavailable,
  OVERLOADED: EXIT_CODE.unavailable,
  NOT_FOUND: EXIT_CODE.notFoundOrHeld,
  KEY_NOT_FOUND: EXIT_CODE.notFoundOrHeld,
  LEASE_NOT_FOUND: EXIT_CODE.notFoundOrHeld,
  LOCK_HELD: EXIT_CODE.notFoundOrHeld,
  LOCK_WAIT_TIMEOUT: EXIT_CODE.notFoundOrHeld,
  REVISION_MISMATCH: EXIT_CODE.conditionFailed,
  SESSION_LOST: EXIT_CODE.lost,
  SESSION_NOT_FOUND: EXIT_CODE.lost,
  LOCK_NOT_HELD: EXIT_CODE.lost,
  OUTCOME_UNKNOWN: EXIT_CODE.outcomeUnknown,
};

export function reportOf(error: unknown): FailureReport {
  if (error instanceof CliError)
    return { exitCode: error.exitCode, message: messageOf(error), code: null, details: {} };
  if (error instanceof LatchkeyError || error instanceof ServiceError) {
    const exitCode = EXIT_BY_CODE[error.code] ?? EXIT_CODE.failure;
    return { exitCode, message: messageOf(error), code: error.code, details: error.details };
  }
  return { exitCode: EXIT_CODE.failure, message: messageOf(error), code: null, details: {} };
}
