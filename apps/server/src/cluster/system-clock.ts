import type { Clock, Timer } from '@latchkey/replica';

/** Real time. `nowMs` is monotonic: a step of the wall clock moves no deadline (FAILURE-MODES 42). */
export class SystemClock implements Clock {
  nowMs(): number {
    return performance.now();
  }

  wallTimeMs(): number {
    return Date.now();
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    const timer = setTimeout(callback, delayMs);
    return { cancel: () => clearTimeout(timer) };
  }

  defer(callback: () => void): void {
    setImmediate(callback);
  }
}
