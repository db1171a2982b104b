import type { Clock, Timer } from '../ports/clock.js';

type Due = { readonly atMs: number; readonly order: number; readonly callback: () => void };

/** Rounds of the real event loop that are enough for every promise that is ready to be heard. */
const SETTLE_ROUNDS = 3;

/** Time that passes only when a test says so. Promises are settled between any two timers. */
export class VirtualClock implements Clock {
  #nowMs = 1_000;
  #order = 0;
  #timers: Due[] = [];

  nowMs(): number {
    return this.#nowMs;
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    const due: Due = { atMs: this.#nowMs + delayMs, order: (this.#order += 1), callback };
    this.#timers.push(due);
    return { cancel: () => (this.#timers = this.#timers.filter((timer) => timer !== due)) };
  }

  defer(callback: () => void): void {
    this.setTimer(0, callback);
  }

  async advance(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms;
    await settle();
    for (;;) {
      const next = this.#timers
        .filter(({ atMs }) => atMs <= untilMs)
        .sort((a, b) => a.atMs - b.atMs || a.order - b.order)[0];
      if (next === undefined) break;
      this.#timers = this.#timers.filter((timer) => timer !== next);
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.callback();
      await settle();
    }
    this.#nowMs = untilMs;
  }

  /** Time passes and nothing runs: a blocked event loop, or a stopped process. */
  freeze(ms: number): void {
    this.#nowMs += ms;
  }
}

async function settle(): Promise<void> {
  for (let round = 0; round < SETTLE_ROUNDS; round += 1) await new Promise((resolve) => setImmediate(resolve));
}
