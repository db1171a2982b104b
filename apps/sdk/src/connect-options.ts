import { InvalidArgumentError } from './errors/latchkey-error.js';

export const DEFAULT_SESSION_TTL_MS = 10_000;
export const DEFAULT_REQUEST_TIMEOUT_MS = 10_000;
/** As the cluster allows. */
const MIN_SESSION_TTL_MS = 100;
const MAX_SESSION_TTL_MS = 24 * 60 * 60 * 1000;

export type ConnectOptions = {
  /** `http://host:port` of one or more nodes; any of them will do. */
  readonly endpoints: readonly string[];
  /** How long locks outlive this process at most. Default 10,000. */
  readonly sessionTtlMs?: number;
  /** Shown in the nodes' logs and metrics. */
  readonly clientName?: string;
  /** How long a call may take, fail-over and repeats included; also the most that `connect` takes. Default 10,000. */
  readonly requestTimeoutMs?: number;
  /** Ends `connect`; it has no meaning afterwards. */
  readonly signal?: AbortSignal;
};

export type ClientSettings = {
  readonly endpoints: readonly string[];
  readonly sessionTtlMs: number;
  readonly clientName: string | null;
  readonly requestTimeoutMs: number;
};

/** @throws InvalidArgumentError naming the option */
export function readSettings(options: ConnectOptions): ClientSettings {
  const { sessionTtlMs = DEFAULT_SESSION_TTL_MS, requestTimeoutMs = DEFAULT_REQUEST_TIMEOUT_MS } = options;
  if (!Number.isInteger(sessionTtlMs) || sessionTtlMs < MIN_SESSION_TTL_MS || sessionTtlMs > MAX_SESSION_TTL_MS) {
    throw invalid('sessionTtlMs', `must be whole milliseconds from ${MIN_SESSION_TTL_MS} to ${MAX_SESSION_TTL_MS}`);
  }
  if (!Number.isFinite(requestTimeoutMs) || requestTimeoutMs <= 0)
    throw invalid('requestTimeoutMs', 'must be positive');
  if (!Array.isArray(options.endpoints) || options.endpoints.length === 0) {
    throw invalid('endpoints', 'must name at least one node');
  }
  const endpoints = options.endpoints.map(readEndpoint);
  return { endpoints, sessionTtlMs, requestTimeoutMs, clientName: options.clientName ?? null };
}

function readEndpoint(endpoint: unknown): string {
  if (typeof endpoint !== 'string' || !URL.canParse(endpoint)) {
    throw invalid('endpoints', `${JSON.stringify(endpoint)} is not a URL`);
  }
  const url = new URL(endpoint);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw invalid('endpoints', `${endpoint} does not begin with http:// or https://`);
  }
  return url.origin;
}

function invalid(field: string, what: string): InvalidArgumentError {
  return new InvalidArgumentError(`${field} ${what}`, { details: { field } });
}
