import { connect, type Latchkey } from '@latchkey/sdk';
import type { GlobalOptions } from '../commands/global-options.js';

export type ClientOptions = { readonly sessionTtlMs?: number; readonly signal?: AbortSignal };

/** Connects, works, and closes whatever happens: an open client would keep the process alive and its session, too. */
export async function withClient<Result>(
  { endpoints, timeoutMs }: GlobalOptions,
  work: (latchkey: Latchkey) => Promise<Result>,
  options: ClientOptions = {},
): Promise<Result> {
  const latchkey = await connect({ endpoints, requestTimeoutMs: timeoutMs, clientName: 'cli', ...options });
  try {
    return await work(latchkey);
  } finally {
    await latchkey.close();
  }
}
