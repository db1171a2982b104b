const TICK_MS = 1;

export type SteadyResult = { readonly sent: number; readonly failed: number };

/**
 * Sends on a fixed beat, whatever the answers do (an open loop: a slow answer does not slow the sender down). Ends when all are
 * sent and those on their way are answered, or `shouldStop` says so; then answers still missing are not waited for.
 */
export async function sendSteadily(
  plan: { readonly perSecond: number; readonly count?: number; readonly shouldStop?: () => boolean },
  send: (number: number) => Promise<unknown>,
): Promise<SteadyResult> {
  const { count = Infinity, shouldStop = () => false } = plan;
  const startMs = performance.now();
  const open = new Set<Promise<void>>();
  let sent = 0;
  let failed = 0;
  while (sent < count && !shouldStop()) {
    const due = Math.min(count, Math.floor(((performance.now() - startMs) * plan.perSecond) / 1000) + 1);
    for (; sent < due; sent += 1) {
      const answered: Promise<void> = send(sent)
        .then(
          () => undefined,
          () => {
            failed += 1;
          },
        )
        .finally(() => open.delete(answered));
      open.add(answered);
    }
    await new Promise((resolve) => setTimeout(resolve, TICK_MS));
  }
  if (!shouldStop()) await Promise.all(open);
  return { sent, failed };
}
