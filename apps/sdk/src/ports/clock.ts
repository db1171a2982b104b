/** Time and timers of the client's logic; the simulator gives virtual ones. */
export interface Clock {
  /** Monotonic milliseconds; the same base in every thread of the process, never jumps with the wall clock. */
  nowMs(): number;
  /** Runs `callback` once after `delayMs`. */
  setTimer(delayMs: number, callback: () => void): Timer;
  /** Runs `callback` after what is running and what is already due, without waiting for anything. */
  defer(callback: () => void): void;
}

export interface Timer {
  cancel(): void;
}
