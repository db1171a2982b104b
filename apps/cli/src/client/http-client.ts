import { randomUUID } from 'node:crypto';
import type { ErrorBody } from '@latchkey/contracts';
import { messageOf } from '../cli-error.js';
import { ServiceError } from './service-error.js';

export type HttpOptions = { readonly endpoints: readonly string[]; readonly timeoutMs: number };

export type HttpRequest = {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly path: string;
  readonly body?: unknown;
};

/**
 * Asks one node after the other until one answers. A write carries an idempotency key, so that asking a second node after the first
 * broke off cannot do it twice.
 * @throws ServiceError
 */
export async function requestJson(
  options: HttpOptions,
  request: HttpRequest,
): Promise<Readonly<Record<string, unknown>>> {
  const idempotencyKey = randomUUID();
  let last: ServiceError | null = null;
  for (const endpoint of options.endpoints) {
    try {
      return await requestOne(endpoint, options.timeoutMs, request, idempotencyKey);
    } catch (error) {
      if (!(error instanceof ServiceError) || error.retry === 'never') throw error;
      last = error;
    }
  }
  throw last ?? new ServiceError({ code: 'UNAVAILABLE', message: 'no endpoint', retry: 'safe', details: {} });
}

async function requestOne(
  endpoint: string,
  timeoutMs: number,
  { method, path, body }: HttpRequest,
  idempotencyKey: string,
): Promise<Readonly<Record<string, unknown>>> {
  const response = await fetch(`${endpoint}${path}`, {
    method,
    signal: AbortSignal.timeout(timeoutMs),
    headers: { 'content-type': 'application/json', ...(method === 'GET' ? {} : { 'idempotency-key': idempotencyKey }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  }).catch((error: unknown) => {
    throw unavailable(endpoint, error);
  });
  const answer: unknown = await response.json().catch((error: unknown) => {
    throw unavailable(endpoint, error);
  });
  if (typeof answer !== 'object' || answer === null) throw unavailable(endpoint, 'its answer is not JSON');
  // The node's own error body; a proxy's would lack the code.
  if (!response.ok && 'code' in answer) throw new ServiceError(answer as ErrorBody);
  if (!response.ok) throw unavailable(endpoint, `it answered ${response.status}`);
  return answer as Readonly<Record<string, unknown>>;
}

function unavailable(endpoint: string, reason: unknown): ServiceError {
  const cause = reason instanceof Error && reason.cause instanceof Error ? reason.cause : reason;
  const message = `no answer from ${endpoint}: ${messageOf(cause)}`;
  return new ServiceError({ code: 'UNAVAILABLE', message, retry: 'safe', details: {} });
}
