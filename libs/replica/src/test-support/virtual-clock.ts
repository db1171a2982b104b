import type { Clock, Timer } from '../ports/clock.js';

type Armed = { readonly dueMs: number; readonly order: number; readonly callback: () => void };

/** Time that passes only when a test says so. */
export class VirtualClock implements Clock {
  private now = 0;
  private lastOrder = 0;
  private readonly timers = new Set<Armed>();
  private deferred: (() => void)[] = [];

  nowMs(): number {
    return this.now;
  }

  wallTimeMs(): number {
    return WALL_TIME_AT_START_MS + this.now;
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    this.lastOrder += 1;
    const armed = { dueMs: this.now + delayMs, order: this.lastOrder, callback };
    this.timers.add(armed);
    return { cancel: () => this.timers.delete(armed) };
  }

  defer(callback: () => void): void {
    this.deferred.push(callback);
  }

  get armedTimerCount(): number {
    return this.timers.size;
  }

  /** Runs everything that can happen without time passing. */
  async settle(): Promise<void> {
    await microtasksDone();
    while (this.deferred.length > 0) {
      const callbacks = this.deferred;
      this.deferred = [];
      for (const callback of callbacks) {
        callback();
        await microtasksDone();
      }
    }
  }

  async advance(ms: number): Promise<void> {
    const targetMs = this.now + ms;
    await this.settle();
    for (let next = this.nextTimer(targetMs); next !== undefined; next = this.nextTimer(targetMs)) {
      this.timers.delete(next);
      this.now = Math.max(this.now, next.dueMs);
      next.callback();
      await this.settle();
    }
    this.now = targetMs;
  }

  /** Lets time pass until `condition` holds. @throws Error when it does not within `limitMs` */
  async until(condition: () => boolean, limitMs = UNTIL_LIMIT_MS): Promise<void> {
    const giveUpAtMs = this.now + limitMs;
    await this.settle();
    while (!condition()) {
      const next = this.nextTimer(giveUpAtMs);
      if (next === undefined)
        throw new Error(`did not come true within ${limitMs} virtual ms: ${condition.toString()}`);
      await this.advance(Math.max(0, next.dueMs - this.now));
    }
  }

  private nextTimer(untilMs: number): Armed | undefined {
    let next: Armed | undefined;
    for (const armed of this.timers) {
      if (armed.dueMs > untilMs) continue;
      if (next === undefined || armed.dueMs < next.dueMs) next = armed;
      else if (armed.dueMs === next.dueMs && armed.order < next.order) next = armed;
    }
    return next;
  }
}

const WALL_TIME_AT_START_MS = 1_700_000_000_000;
const UNTIL_LIMIT_MS = 20_000;

/** Node runs immediates only when no promise reaction is left to run. */
export function microtasksDone(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
