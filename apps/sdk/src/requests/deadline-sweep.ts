import type { Clock, Timer } from '../ports/clock.js';

/** One timer for many deadlines: it is set for the earliest one ever added since the last sweep, whether or not that one still waits. */
export class DeadlineSweep {
  #timer: Timer | null = null;
  #dueMs = Number.POSITIVE_INFINITY;

  constructor(
    private readonly clock: Clock,
    /** Ends what is overdue and answers the earliest deadline that is left. */
    private readonly sweep: (nowMs: number) => number,
  ) {}

  add(deadlineMs: number): void {
    if (deadlineMs >= this.#dueMs || deadlineMs === Number.POSITIVE_INFINITY) return;
    this.#dueMs = deadlineMs;
    this.#timer?.cancel();
    this.#timer = this.clock.setTimer(Math.max(0, deadlineMs - this.clock.nowMs()), () => {
      this.#timer = null;
      this.#dueMs = Number.POSITIVE_INFINITY;
      this.add(this.sweep(this.clock.nowMs()));
    });
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = null;
    this.#dueMs = Number.POSITIVE_INFINITY;
  }
}
