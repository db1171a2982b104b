/** Time and timers of the driver; the simulator gives virtual ones. */
export interface Clock {
  /** Monotonic milliseconds; never jumps with the wall clock. */
  nowMs(): number;
  /** Milliseconds since 1970, for display only. */
  wallTimeMs(): number;
  /** Runs `callback` once after `delayMs`. */
  setTimer(delayMs: number, callback: () => void): Timer;
  /** Runs `callback` after the current turn, before any timer. */
  defer(callback: () => void): void;
}

export interface Timer {
  cancel(): void;
}
