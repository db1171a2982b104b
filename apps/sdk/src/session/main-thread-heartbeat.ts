import type { Clock } from '../ports/clock.js';
import type { Connector } from '../ports/connector.js';
import type { Heartbeat, RenewalClock } from '../ports/heartbeat.js';
import { LeaseRenewer } from './lease-renewer.js';

export type MainThreadHeartbeatParts = {
  readonly endpoints: readonly string[];
  readonly connector: Connector;
  readonly clock: Clock;
  readonly random: () => number;
};

/** The same renewals without a thread of their own: for the simulator, for tests from sources, and when no worker can be started. */
export class MainThreadHeartbeat implements Heartbeat {
  readonly thread = 'main';
  onGone: ((leaseId: string) => void) | null = null;
  readonly #renewer: LeaseRenewer;
  readonly #sentAtMs = new Map<string, number>();

  constructor(parts: MainThreadHeartbeatParts) {
    this.#renewer = new LeaseRenewer({
      ...parts,
      renewed: (leaseId, sentAtMs) => this.#sentAtMs.set(leaseId, sentAtMs),
      gone: (leaseId) => this.onGone?.(leaseId),
    });
    this.#renewer.start();
  }

  keep(leaseId: string, ttlMs: number): RenewalClock {
    this.#renewer.keep(leaseId, ttlMs);
    return { lastSentAtMs: () => this.#sentAtMs.get(leaseId) ?? Number.NEGATIVE_INFINITY };
  }

  drop(leaseId: string): void {
    this.#renewer.drop(leaseId);
    this.#sentAtMs.delete(leaseId);
  }

  close(): void {
    this.#renewer.close();
  }
}
