import { errorBody, type ErrorBody, type ErrorCode } from '../errors.js';

/** A request that was refused before it did anything; `body` is its answer and names the field. */
export class InvalidRequest extends Error {
  override readonly name = 'InvalidRequest';
  readonly body: ErrorBody;

  constructor(code: Extract<ErrorCode, 'INVALID_ARGUMENT' | 'TOO_LARGE'>, field: string, problem: string) {
    super(`${field}: ${problem}`);
    this.body = errorBody(code, this.message, { field });
  }
}

export function refuse(field: string, problem: string): never {
  throw new InvalidRequest('INVALID_ARGUMENT', field, problem);
}

export function refuseTooLarge(field: string, problem: string): never {
  throw new InvalidRequest('TOO_LARGE', field, problem);
}
