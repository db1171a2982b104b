import { InvariantViolation } from '@latchkey/raft';
import { LogStoreError } from '@latchkey/replica';

/** Where the failed statement stood: only a write that may have reached the server has an unknown outcome. */
export type FailureStage = 'reading' | 'writing';

/** What node-postgres gives for an ErrorResponse of the server. */
type ServerError = Error & { readonly severity: string; readonly code: string };

/** Data pages that do not fit their checksum, and tables that are not what a migration made of them. */
const DAMAGE = /^(XX00[12]|42(P01|703|P10)|22)/;

/** Reasons that say more to a person than the server's own words. */
const REASONS: readonly { readonly code: RegExp; readonly text: string }[] = [
  { code: /^53100$/, text: 'the disk of the database is full' },
  { code: /^53300$/, text: 'the database has no connection left' },
  { code: /^25006$/, text: 'the database is read-only' },
  { code: /^57014$/, text: 'a statement took too long' },
  { code: /^55P03$/, text: 'waited too long for a lock' },
  { code: /^57P0[123]$/, text: 'the database is stopping or starting' },
];

/** The words of node-postgres, and of its pool, for a limit on a query or on a connection that was not kept. */
const TIMED_OUT =
  /^(Query read timeout|timeout e(xpired|xceeded when trying to connect)|Connection terminated due to connection timeout)$/;

/** Turns whatever a database call threw into an error of the port. A bug of ours stays what it is. */
export function storeFailure(
  error: unknown,
  place: { readonly stage: FailureStage; readonly database: string },
): Error {
  if (error instanceof LogStoreError || isBug(error)) return error;
  const text = `${place.database}: ${reasonOf(error)}`;
  return new LogStoreError(codeOf(error, place.stage), text, { cause: error, summary: summaryOf(error) });
}

function codeOf(error: unknown, stage: FailureStage): 'unavailable' | 'outcomeUnknown' | 'corrupt' {
  if (stage === 'reading') return isServerError(error) && DAMAGE.test(error.code) ? 'corrupt' : 'unavailable';
  // A statement on its own that ends with an ERROR was rolled back. FATAL and PANIC end the connection, perhaps after the
  // commit; and a connection that is simply gone says nothing (FAILURE-MODES 27).
  return isServerError(error) && error.severity === 'ERROR' ? 'unavailable' : 'outcomeUnknown';
}

function isBug(error: unknown): error is Error {
  return error instanceof InvariantViolation || error instanceof TypeError || error instanceof RangeError;
}

function isServerError(error: unknown): error is ServerError {
  return error instanceof Error && 'severity' in error && 'code' in error && typeof error.code === 'string';
}

function reasonOf(error: unknown): string {
  if (isServerError(error)) {
    const known = REASONS.find(({ code }) => code.test(error.code));
    return known === undefined ? error.message : `${known.text} (${error.message})`;
  }
  // Node tries every address of a name and reports all failures together; the first is as good as any.
  const single: unknown = error instanceof AggregateError ? error.errors[0] : error;
  if (!(single instanceof Error)) return String(single);
  if (isRefusedConnection(single)) return 'nothing listens there (ECONNREFUSED)';
  return TIMED_OUT.test(single.message) ? 'the server does not answer' : single.message;
}

/** As `reasonOf`, for everybody: the words of a server, or of a network, can name what is nobody's business. */
function summaryOf(error: unknown): string {
  if (isServerError(error)) {
    return REASONS.find(({ code }) => code.test(error.code))?.text ?? `the database refuses (SQLSTATE ${error.code})`;
  }
  const single: unknown = error instanceof AggregateError ? error.errors[0] : error;
  if (isRefusedConnection(single)) return 'nothing listens where the database should be';
  const hasTimedOut = single instanceof Error && TIMED_OUT.test(single.message);
  return hasTimedOut ? 'the database does not answer' : 'there is no connection to the database';
}

const isRefusedConnection = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ECONNREFUSED';
