const POLL_INTERVAL_MS = 20;

/** Polls until `probe` gives something other than null or undefined; its last error is told when time runs out. `what`: as a function, asked only then. */
export async function waitFor<Value>(
  what: string | (() => string),
  probe: () => Promise<Value | null | undefined> | Value | null | undefined,
  timeoutMs = 20_000,
): Promise<Value> {
  const deadlineMs = performance.now() + timeoutMs;
  let lastError: unknown = null;
  for (;;) {
    try {
      const value = await probe();
      if (value !== null && value !== undefined) return value;
      lastError = null;
    } catch (error) {
      lastError = error;
    }
    if (performance.now() > deadlineMs) {
      const told = typeof what === 'string' ? what : what();
      throw new Error(`gave up waiting for ${told} after ${timeoutMs} ms`, { cause: lastError });
    }
    await pause(POLL_INTERVAL_MS);
  }
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
