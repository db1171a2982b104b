/** Timers run late and clocks of two machines drift: a client believes in its lease for so much less than its TTL. */
export const LEASE_MARGIN_MIN_MS = 20;
export const LEASE_MARGIN_DRIFT = 0.01;
/** A lease that was not renewed for this part of its TTL is in jeopardy. */
export const JEOPARDY_FRACTION = 0.5;
/** Leases are renewed this many times per TTL. */
export const RENEWALS_PER_TTL = 3;

/**
 * The moment from which a lease must be counted as lost: send time of the last acknowledged renewal + TTL − margin. The node counts
 * from the renewal's arrival, which is later, so it cannot grant to anybody else before (FAILURE-MODES 44).
 */
export function leaseDeadlineMs(renewalSentAtMs: number, ttlMs: number): number {
  return renewalSentAtMs + ttlMs - LEASE_MARGIN_MIN_MS - ttlMs * LEASE_MARGIN_DRIFT;
}
