import { backoffDelayMs } from '../connection/backoff.js';
import type { Clock, Timer } from '../ports/clock.js';
import type { PendingRequest } from './pending-request.js';

export const RETRY_BACKOFF = { baseMs: 10, maxMs: 250 };

/** Requests that were answered "nothing was done", waiting together for the next try: one timer for all, later with each round that fails. */
export class DelayedRetries {
  #requests: PendingRequest[] = [];
  #timer: Timer | null = null;
  #round = 0;

  constructor(
    private readonly clock: Clock,
    private readonly random: () => number,
    private readonly due: () => void,
  ) {}

  add(pending: PendingRequest): void {
    this.#requests.push(pending);
    if (this.#timer !== null) return;
    const delayMs = backoffDelayMs(this.#round, RETRY_BACKOFF, this.random);
    this.#round += 1;
    this.#timer = this.clock.setTimer(delayMs, this.due);
  }

  /** All of them, whether or not it is time. */
  take(): readonly PendingRequest[] {
    this.#timer?.cancel();
    this.#timer = null;
    const requests = this.#requests;
    this.#requests = [];
    return requests;
  }

  /** Something worked: the next failure is the first of a row. */
  succeeded(): void {
    this.#round = 0;
  }
}
