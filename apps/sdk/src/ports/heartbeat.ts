/** When a lease was last renewed, readable at any moment, even while this thread is too busy to hear about it. */
export interface RenewalClock {
  /** Send time of the last acknowledged renewal, on the client's monotonic clock; −Infinity before the first. */
  lastSentAtMs(): number;
}

/** Renews leases, from wherever it runs, until told to stop. */
export interface Heartbeat {
  /** A node answered that the lease does not exist. */
  onGone: ((leaseId: string) => void) | null;
  keep(leaseId: string, ttlMs: number): RenewalClock;
  drop(leaseId: string): void;
  close(): void;
  /** Where it runs now. */
  readonly thread: 'worker' | 'main';
}
