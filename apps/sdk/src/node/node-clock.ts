import type { Clock } from '../ports/clock.js';

const MAX_TIMER_MS = 2 ** 31 - 1;

/** Monotonic time with the same zero in every thread of the process, which `performance.now()` has not. */
export const nodeClock: Clock = {
  nowMs: () => Number(process.hrtime.bigint()) / 1e6,
  setTimer: (delayMs, callback) => {
    // Rounded up: a timer that fires a fraction too early would find its deadline not yet reached, and be set again.
    const timer = setTimeout(callback, Math.min(Math.ceil(delayMs), MAX_TIMER_MS));
    return { cancel: () => clearTimeout(timer) };
  },
  defer: (callback) => {
    setImmediate(callback);
  },
};
