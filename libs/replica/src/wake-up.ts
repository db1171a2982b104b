import { MIN_TIMER_DELAY_MS } from './limits.js';
import type { Clock, Timer } from './ports/clock.js';

/**
 * The one timer of a replica. Deadlines mostly move away (each heartbeat moves the election timeout), so an armed timer
 * is left to fire early rather than armed anew; whoever is woken looks for himself what is due.
 */
export class WakeUp {
  private timer: Timer | null = null;
  private armedForMs = Infinity;

  constructor(
    private readonly clock: Clock,
    private readonly wake: () => void,
  ) {}

  armFor(dueMs: number): void {
    if (dueMs >= this.armedForMs) return;
    this.timer?.cancel();
    this.armedForMs = dueMs;
    const delayMs = Math.max(dueMs - this.clock.nowMs(), MIN_TIMER_DELAY_MS);
    this.timer = this.clock.setTimer(delayMs, () => {
      this.timer = null;
      this.armedForMs = Infinity;
      this.wake();
    });
  }

  cancel(): void {
    this.timer?.cancel();
    this.timer = null;
    this.armedForMs = Infinity;
  }
}
