export type BackoffLimits = { readonly baseMs: number; readonly maxMs: number };

/**
 * Delay before try `attempt` (0 = first repeat): doubles up to `maxMs`, and lies anywhere in its upper half, so that clients
 * which failed together do not come back together.
 */
export function backoffDelayMs(attempt: number, limits: BackoffLimits, random: () => number): number {
  const ceilingMs = Math.min(limits.maxMs, limits.baseMs * 2 ** Math.min(attempt, 30));
  return ceilingMs * (0.5 + random() / 2);
}
