import type { ResponseFrame } from '@latchkey/contracts';
import { FailoverConnection } from '../connection/failover-connection.js';
import type { Clock, Timer } from '../ports/clock.js';
import type { Connector } from '../ports/connector.js';
import { RENEWALS_PER_TTL } from './lease-deadline.js';

/** A renewal unanswered for this part of the TTL is tried at another node. */
const ANSWER_TIMEOUT_FRACTION = 1 / 8;
const ANSWER_TIMEOUT_MIN_MS = 50;
const ANSWER_TIMEOUT_MAX_MS = 1_500;
/** After an answer like UNAVAILABLE. */
const RETRY_FRACTION = 1 / 50;
const RETRY_MIN_MS = 10;
const RETRY_MAX_MS = 250;
/** So many refusals in a row (no leader known there) and another node is tried. */
const REFUSALS_BEFORE_FAILOVER = 5;

type RenewedLease = {
  readonly id: string;
  readonly ttlMs: number;
  dueMs: number;
  requestId: number | null;
  sentAtMs: number;
};

export type LeaseRenewerParts = {
  readonly endpoints: readonly string[];
  readonly connector: Connector;
  readonly clock: Clock;
  readonly random: () => number;
  readonly renewed: (leaseId: string, sentAtMs: number) => void;
  readonly gone: (leaseId: string) => void;
};

/**
 * Keeps leases alive over a connection of its own: each is renewed every TTL/3, all that are due in one frame. What is unanswered when a connection ends
 * is asked again on the next one, under a new id, so that an acknowledgement always belongs to the send time noted for it.
 */
export class LeaseRenewer {
  readonly #leases = new Map<string, RenewedLease>();
  readonly #byRequest = new Map<number, RenewedLease>();
  readonly #connection: FailoverConnection;
  #connected = false;
  #lastId = 0;
  #refusals = 0;
  #timer: Timer | null = null;
  #closed = false;

  constructor(private readonly parts: LeaseRenewerParts) {
    this.#connection = new FailoverConnection({
      ...parts,
      listener: {
        connected: () => this.#onConnected(),
        disconnected: () => this.#onDisconnected(),
        connectFailed: () => undefined,
        responses: (frame) => this.#onResponses(frame),
        watch: () => undefined,
      },
    });
  }

  start(): void {
    this.#connection.start();
  }

  keep(id: string, ttlMs: number): void {
    this.#leases.set(id, { id, ttlMs, dueMs: this.parts.clock.nowMs(), requestId: null, sentAtMs: 0 });
    this.#run();
  }

  drop(id: string): void {
    const lease = this.#leases.get(id);
    this.#leases.delete(id);
    if (lease !== undefined && lease.requestId !== null) this.#byRequest.delete(lease.requestId);
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#connection.close();
  }

  #onConnected(): void {
    this.#connected = true;
    this.#refusals = 0;
    this.#run();
  }

  #onDisconnected(): void {
    this.#connected = false;
    this.#byRequest.clear();
    for (const lease of this.#leases.values()) {
      if (lease.requestId === null) continue;
      lease.requestId = null;
      lease.dueMs = this.parts.clock.nowMs();
    }
  }

  #onResponses(frame: ResponseFrame): void {
    for (const [id, ok, payload] of frame) {
      const lease = this.#byRequest.get(id);
      if (lease === undefined) continue;
      this.#byRequest.delete(id);
      lease.requestId = null;
      if (ok === 1) {
        this.#refusals = 0;
        lease.dueMs = lease.sentAtMs + lease.ttlMs / RENEWALS_PER_TTL;
        this.parts.renewed(lease.id, lease.sentAtMs);
      } else if (payload.code === 'LEASE_NOT_FOUND') {
        this.#leases.delete(lease.id);
        this.parts.gone(lease.id);
      } else {
        this.#refusals += 1;
        lease.dueMs = this.parts.clock.nowMs() + clamp(lease.ttlMs * RETRY_FRACTION, RETRY_MIN_MS, RETRY_MAX_MS);
      }
    }
    if (this.#refusals >= REFUSALS_BEFORE_FAILOVER) {
      this.#refusals = 0;
      this.#connection.failOver('it cannot renew leases');
    }
    this.#run();
  }

  /** Sends what is due, leaves a node that does not answer, and sets the timer for what comes next. */
  #run(): void {
    if (this.#closed) return;
    const nowMs = this.parts.clock.nowMs();
    const due: RenewedLease[] = [];
    let wakeMs = Number.POSITIVE_INFINITY;
    for (const lease of this.#leases.values()) {
      if (lease.requestId === null && lease.dueMs <= nowMs && this.#connected) due.push(lease);
      else if (lease.requestId === null) wakeMs = Math.min(wakeMs, lease.dueMs);
      else wakeMs = Math.min(wakeMs, lease.sentAtMs + answerTimeoutMs(lease.ttlMs));
    }
    if (due.length > 0) wakeMs = Math.min(wakeMs, this.#send(due, nowMs));
    this.#timer?.cancel();
    this.#timer = null;
    // Without a connection there is nothing to wake up for: `connected` runs this again.
    if (!this.#connected || wakeMs === Number.POSITIVE_INFINITY) return;
    this.#timer = this.parts.clock.setTimer(Math.max(0, wakeMs - nowMs), () => this.#wake());
  }

  #send(due: readonly RenewedLease[], nowMs: number): number {
    let wakeMs = Number.POSITIVE_INFINITY;
    const requests = due.map((lease) => {
      const id = ++this.#lastId;
      lease.requestId = id;
      lease.sentAtMs = nowMs;
      this.#byRequest.set(id, lease);
      wakeMs = Math.min(wakeMs, nowMs + answerTimeoutMs(lease.ttlMs));
      return [id, { op: 'leaseKeepAlive', id: lease.id }] as const;
    });
    this.#connection.send([0, null, requests]);
    return wakeMs;
  }

  #wake(): void {
    const nowMs = this.parts.clock.nowMs();
    for (const lease of this.#leases.values()) {
      if (lease.requestId === null || nowMs < lease.sentAtMs + answerTimeoutMs(lease.ttlMs)) continue;
      this.#connection.failOver('a renewal was not answered in time');
      return;
    }
    this.#run();
  }
}

function answerTimeoutMs(ttlMs: number): number {
  return clamp(ttlMs * ANSWER_TIMEOUT_FRACTION, ANSWER_TIMEOUT_MIN_MS, ANSWER_TIMEOUT_MAX_MS);
}

function clamp(value: number, min: number, max: number): number {
  return Math.min(max, Math.max(min, value));
}
