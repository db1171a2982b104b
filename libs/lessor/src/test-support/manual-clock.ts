import type { Clock, Timer } from '@latchkey/replica';

type Planned = { readonly dueMs: number; readonly callback: () => void };

/** Time that passes only when a test says so. */
export class ManualClock implements Clock {
  private timeMs = 1_000;
  private timers = new Set<Planned>();
  private deferred: (() => void)[] = [];

  nowMs(): number {
    return this.timeMs;
  }

  wallTimeMs(): number {
    return 1_700_000_000_000 + this.timeMs;
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    const planned = { dueMs: this.timeMs + delayMs, callback };
    this.timers.add(planned);
    return { cancel: () => void this.timers.delete(planned) };
  }

  defer(callback: () => void): void {
    this.deferred.push(callback);
  }

  /** Runs every timer that falls due on the way, in order, and lets promises settle after each. */
  async advance(byMs: number): Promise<void> {
    const endMs = this.timeMs + byMs;
    for (;;) {
      await this.settle();
      const [next] = [...this.timers].sort((left, right) => left.dueMs - right.dueMs);
      if (next === undefined || next.dueMs > endMs) break;
      this.timers.delete(next);
      this.timeMs = Math.max(this.timeMs, next.dueMs);
      next.callback();
    }
    this.timeMs = endMs;
    await this.settle();
  }

  /** The process stood still: time went by and no timer ran. They are late when it goes on. */
  async pause(forMs: number): Promise<void> {
    this.timeMs += forMs;
    await this.advance(0);
  }

  /** Lets promises and deferred callbacks have their turn. */
  async settle(): Promise<void> {
    for (let round = 0; round < 20; round += 1) {
      const callbacks = this.deferred;
      this.deferred = [];
      for (const callback of callbacks) callback();
      await Promise.resolve();
    }
  }
}
