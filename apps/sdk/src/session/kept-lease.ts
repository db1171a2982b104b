import { SessionLostError } from '../errors/latchkey-error.js';
import type { Clock, Timer } from '../ports/clock.js';
import type { RenewalClock } from '../ports/heartbeat.js';
import { JEOPARDY_FRACTION, leaseDeadlineMs } from './lease-deadline.js';

export type KeptLeaseParts = {
  readonly id: string;
  readonly ttlMs: number;
  /** Send time of the request that granted it. */
  readonly grantedAtMs: number;
  readonly renewals: RenewalClock;
  readonly clock: Clock;
  readonly inJeopardy: (lease: KeptLease) => void;
};

/**
 * A lease as its owner may believe in it. `lost` is final: a renewal that is acknowledged afterwards changes nothing, because whoever
 * relied on the lease has been told by then.
 */
export class KeptLease {
  readonly id: string;
  readonly ttlMs: number;
  #state: 'live' | 'lost' | 'ended' = 'live';
  #timer: Timer | null = null;
  #jeopardyReported = false;
  readonly #whenLost = new Set<(error: SessionLostError) => void>();

  constructor(private readonly parts: KeptLeaseParts) {
    this.id = parts.id;
    this.ttlMs = parts.ttlMs;
    this.#arm();
  }

  /** Evaluated now, by the clock: true only while no node can have given the lease up. */
  get isLive(): boolean {
    if (this.#state === 'live' && this.remainingMs <= 0) this.lose('it was not renewed in time');
    return this.#state === 'live';
  }

  /** How long it can still be relied on without another renewal. */
  get remainingMs(): number {
    if (this.#state !== 'live') return 0;
    return Math.max(0, leaseDeadlineMs(this.#lastRenewalMs(), this.ttlMs) - this.parts.clock.nowMs());
  }

  /** Called once, when the lease is lost; not when it is ended by its owner. The answer takes the callback back. */
  onLost(callback: (error: SessionLostError) => void): () => void {
    this.#whenLost.add(callback);
    return () => this.#whenLost.delete(callback);
  }

  lose(reason: string): void {
    if (this.#state !== 'live') return;
    this.#state = 'lost';
    this.#timer?.cancel();
    const error = new SessionLostError(`lease ${this.id} is lost: ${reason}`, { details: { lease: this.id } });
    for (const callback of this.#whenLost) callback(error);
    this.#whenLost.clear();
  }

  /** Given up by its owner. */
  end(): void {
    if (this.#state === 'live') this.#state = 'ended';
    this.#timer?.cancel();
    this.#whenLost.clear();
  }

  #lastRenewalMs(): number {
    return Math.max(this.parts.grantedAtMs, this.parts.renewals.lastSentAtMs());
  }

  #arm(): void {
    const deadlineMs = leaseDeadlineMs(this.#lastRenewalMs(), this.ttlMs);
    const wakeMs = this.#jeopardyReported ? deadlineMs : Math.min(deadlineMs, this.#jeopardyMs());
    this.#timer = this.parts.clock.setTimer(Math.max(0, wakeMs - this.parts.clock.nowMs()), () => this.#check());
  }

  #jeopardyMs(): number {
    return this.#lastRenewalMs() + this.ttlMs * JEOPARDY_FRACTION;
  }

  #check(): void {
    if (!this.isLive) return;
    const inJeopardy = this.parts.clock.nowMs() >= this.#jeopardyMs();
    if (inJeopardy && !this.#jeopardyReported) this.parts.inJeopardy(this);
    this.#jeopardyReported = inJeopardy;
    if (this.#state === 'live') this.#arm();
  }
}
