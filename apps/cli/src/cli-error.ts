import { EXIT_CODE, type ExitCode } from './exit-code.js';

/** Ends the command with one line on stderr (`latchkey: <message>`) and the exit code. Never shows a stack. */
export class CliError extends Error {
  override readonly name = 'CliError';

  constructor(
    readonly exitCode: ExitCode,
    message: string,
  ) {
    super(message);
  }
}

/** What the user wrote cannot be meant: wrong arguments, a wrong setting, a wrong file. */
export function usageError(message: string): CliError {
  return new CliError(EXIT_CODE.usage, message);
}

export function failure(message: string): CliError {
  return new CliError(EXIT_CODE.failure, message);
}

/** The message of anything thrown, on one line. */
export function messageOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.replace(/\s*\n\s*/g, ' ').trim();
}

/** The system error code (`ENOENT`, `EADDRINUSE`, …), or null. */
export function systemErrorCode(error: unknown): string | null {
  if (!(error instanceof Error) || !('code' in error)) return null;
  return typeof error.code === 'string' ? error.code : null;
}
