import { hasCode } from '../errors/latchkey-error.js';
import type { Clock } from '../ports/clock.js';
import type { Heartbeat } from '../ports/heartbeat.js';
import type { RequestPort } from '../requests/request-port.js';
import { KeptLease } from './kept-lease.js';

export type LeaseGranterParts = {
  readonly requests: RequestPort;
  readonly heartbeat: Heartbeat;
  readonly clock: Clock;
  /** 16 hex digits, the first 0–7, chosen at random. */
  readonly newLeaseId: () => string;
};

/** Makes leases and keeps them alive. Knows every live one by id. */
export class LeaseGranter {
  readonly #leases = new Map<string, KeptLease>();

  constructor(private readonly parts: LeaseGranterParts) {
    parts.heartbeat.onGone = (leaseId) => this.gone(leaseId);
  }

  /** @param deadlineMs Infinity = tries as long as the client lives */
  async grant(ttlMs: number, deadlineMs: number, inJeopardy: (lease: KeptLease) => void): Promise<KeptLease> {
    for (;;) {
      const id = this.parts.newLeaseId();
      const grantedAtMs = this.parts.clock.nowMs();
      const grantedTtlMs = await this.#ask(id, ttlMs, deadlineMs);
      const renewals = this.parts.heartbeat.keep(id, grantedTtlMs);
      const { clock } = this.parts;
      const lease = new KeptLease({ id, ttlMs: grantedTtlMs, grantedAtMs, renewals, clock, inJeopardy });
      // The answer took longer than the lease can be trusted, e.g. because no node was there to ask.
      if (!lease.isLive) {
        this.parts.heartbeat.drop(id);
        this.parts.requests.call({ op: 'leaseRevoke', id }).catch(() => undefined);
        continue;
      }
      this.#leases.set(id, lease);
      lease.onLost(() => this.#forget(id));
      return lease;
    }
  }

  /** Ends a lease on the cluster, and everything bound to it. That it is gone already is success. */
  async revoke(lease: KeptLease, deadlineMs?: number): Promise<void> {
    lease.end();
    this.#forget(lease.id);
    try {
      await this.parts.requests.call(
        { op: 'leaseRevoke', id: lease.id },
        deadlineMs === undefined ? undefined : { deadlineMs },
      );
    } catch (error) {
      if (!hasCode(error, 'LEASE_NOT_FOUND')) throw error;
    }
  }

  gone(leaseId: string): void {
    this.#leases.get(leaseId)?.lose('the cluster does not know it any more');
  }

  get live(): readonly KeptLease[] {
    return [...this.#leases.values()];
  }

  #forget(id: string): void {
    this.#leases.delete(id);
    // A lost lease must not be renewed any longer: nobody would ever end it (FAILURE-MODES 43).
    this.parts.heartbeat.drop(id);
  }

  async #ask(id: string, ttlMs: number, deadlineMs: number): Promise<number> {
    try {
      return (await this.parts.requests.call({ op: 'leaseGrant', id, ttlMs }, { deadlineMs })).ttlMs;
    } catch (error) {
      // Our own earlier sending took effect: nobody else chooses this id.
      if (hasCode(error, 'LEASE_EXISTS')) return ttlMs;
      throw error;
    }
  }
}
