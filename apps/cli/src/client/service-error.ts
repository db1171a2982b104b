import type { ErrorBody, ErrorCode, RetryClass } from '@latchkey/contracts';

/** A failed answer of a node over HTTP. */
export class ServiceError extends Error {
  override readonly name = 'ServiceError';
  readonly code: ErrorCode;
  readonly retry: RetryClass;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(body: ErrorBody) {
    super(body.message);
    this.code = body.code;
    this.retry = body.retry;
    this.details = body.details;
  }
}
