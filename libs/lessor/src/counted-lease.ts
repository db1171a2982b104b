import type { LeaseId } from '@latchkey/state-machine';

/** Half of what is left, within these bounds: so each leader that lasts as long brings the end nearer (FAILURE-MODES 40). */
const MAX_CHECKPOINT_INTERVAL_MS = 60_000;
/** A lease with less left than twice this is not worth a log entry. */
const MIN_CHECKPOINT_INTERVAL_MS = 500;

/** One lease as its lessor counts it, on the monotonic clock of this leader. */
export type CountedLease = {
  readonly leaseId: LeaseId;
  readonly ttlMs: number;
  deadlineMs: number;
  checkpointAtMs: number;
  /** A later leader may count from less than the full TTL: a renewal has to go through the log first. */
  isCheckpointed: boolean;
  /** Its expiry has been proposed and its fate is not known yet. */
  isEnding: boolean;
};

export function checkpointTimeMs(nowMs: number, remainingMs: number): number {
  const intervalMs = Math.min(remainingMs / 2, MAX_CHECKPOINT_INTERVAL_MS);
  return intervalMs < MIN_CHECKPOINT_INTERVAL_MS ? Infinity : nowMs + intervalMs;
}

export const nextDueMs = (lease: CountedLease): number => Math.min(lease.deadlineMs, lease.checkpointAtMs);
