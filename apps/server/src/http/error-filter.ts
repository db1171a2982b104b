import type { ServerResponse } from 'node:http';
import { Catch, HttpException, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import { ERROR_TRAITS, errorBody, type ErrorBody } from '@latchkey/contracts';
import type { PartLogger } from '../logging/part-logger.js';
import { errorBodyOfReplica } from '../commands/wire-error.js';

const NOT_FOUND_STATUS = 404;
const TOO_LARGE_STATUS = 413;
const UNDECODABLE_PATH = /decode|URI/;
const CLIENT_ERROR_STATUSES = { from: 400, to: 499 };

/** Every failed answer is `{code, message, retry, details}`, also for routes that do not exist and bodies that are no JSON. */
@Catch()
export class ErrorFilter implements ExceptionFilter {
  constructor(
    private readonly logger: PartLogger,
    /** A bug: the node cannot go on (FAILURE-MODES 53). */
    private readonly onBug: (error: unknown) => void,
  ) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const response: ServerResponse = host.switchToHttp().getResponse();
    const body = errorBodyOfReplica(error) ?? bodyOfHttpError(error);
    if (body === null) this.logger.error('a request failed unexpectedly', { error });
    this.answer(response, body ?? errorBody('INTERNAL', 'an unexpected error; see the log of the node'));
    if (isInvariantViolation(error)) this.onBug(error);
  }

  private answer(response: ServerResponse, body: ErrorBody): void {
    if (response.headersSent) {
      response.end();
      return;
    }
    response
      .writeHead(ERROR_TRAITS[body.code].httpStatus, { 'content-type': 'application/json; charset=utf-8' })
      .end(JSON.stringify(body));
  }
}

const isInvariantViolation = (error: unknown): boolean => error instanceof Error && error.name === 'InvariantViolation';

/** Errors of Nest's router and of the body parser; null for anything else. */
function bodyOfHttpError(error: unknown): ErrorBody | null {
  const status = statusOf(error);
  if (status === NOT_FOUND_STATUS) return errorBody('NOT_FOUND', 'no such route');
  if (status === TOO_LARGE_STATUS) return errorBody('TOO_LARGE', 'the body is too large', { field: 'body' });
  if (status === null || status < CLIENT_ERROR_STATUSES.from || status > CLIENT_ERROR_STATUSES.to) return null;
  const message = error instanceof Error ? error.message : 'is malformed';
  // Nest makes one kind of exception of both; the router's own words are the only difference.
  const field = UNDECODABLE_PATH.test(message) ? 'path' : 'body';
  return errorBody('INVALID_ARGUMENT', `${field}: ${message}`, { field });
}

function statusOf(error: unknown): number | null {
  if (error instanceof HttpException) return error.getStatus();
  if (error instanceof URIError) return CLIENT_ERROR_STATUSES.from;
  if (error instanceof Error && 'status' in error && typeof error.status === 'number') return error.status;
  return null;
}
