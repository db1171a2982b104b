const POLL_INTERVAL_MS = 50;

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * Asks again and again until there is an answer other than null. An error of `probe` is no answer yet: nodes that are
 * just being killed give many.
 * @throws Error naming `what` when the time is over, with the last error as its cause
 */
export async function poll<Value>(
  what: string,
  timeoutMs: number,
  probe: () => Promise<Value | null> | Value | null,
): Promise<Value> {
  const deadlineMs = performance.now() + timeoutMs;
  let lastError: unknown = null;
  for (;;) {
    try {
      const value = await probe();
      if (value !== null) return value;
    } catch (error) {
      lastError = error;
    }
    if (performance.now() > deadlineMs) {
      throw new Error(`gave up waiting for ${what} after ${timeoutMs} ms`, { cause: lastError });
    }
    await pause(POLL_INTERVAL_MS);
  }
}
