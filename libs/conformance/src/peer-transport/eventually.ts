const PATIENCE_MS = 10_000;
const POLL_INTERVAL_MS = 2;

/** Resolves as soon as `condition` holds. @throws Error naming `situation` when it does not within some seconds */
export async function eventually(condition: () => boolean, situation: string): Promise<void> {
  const giveUpAtMs = performance.now() + PATIENCE_MS;
  while (!condition()) {
    if (performance.now() > giveUpAtMs) throw new Error(`did not happen within ${PATIENCE_MS} ms: ${situation}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_INTERVAL_MS));
  }
}
