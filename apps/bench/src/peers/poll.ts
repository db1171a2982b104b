const POLL_INTERVAL_MS = 20;

export type Polled<Found> = {
  /** For the error. */
  readonly what: string;
  readonly timeoutMs: number;
  /** null = not yet; so is what it throws. */
  readonly read: () => Promise<Found | null>;
  /** Throws when there is nothing left to wait for. */
  readonly assertPossible?: () => void;
};

/** Asks until there is an answer. @throws after `timeoutMs`, or what `assertPossible` throws */
export async function pollFor<Found>({ what, timeoutMs, read, assertPossible }: Polled<Found>): Promise<Found> {
  const deadlineMs = performance.now() + timeoutMs;
  for (;;) {
    assertPossible?.();
    const found = await read().catch(() => null);
    if (found !== null) return found;
    if (performance.now() > deadlineMs) throw new Error(`gave up waiting for ${what} after ${timeoutMs / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, POLL_INTERVAL_MS));
  }
}

/** @throws when `promise` takes longer; it goes on, and what becomes of it is not looked at */
export async function within<Result>(what: string, timeoutMs: number, promise: Promise<Result>): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} took longer than ${timeoutMs / 1000} s`)), timeoutMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
