import type { Clock, Timer } from '../ports/clock.js';

/** How exactly it keeps the times below. */
export const CHECK_INTERVAL_MS = 250;
/** Silence after which a node that owes answers is asked whether it lives. */
export const PROBE_AFTER_SILENCE_MS = 500;
/** The same while only watches are open: quiet is normal there. */
export const PROBE_IDLE_WATCH_MS = 5_000;
/** Silence after the question that counts as dead. */
export const PROBE_TIMEOUT_MS = 1_000;

export type ProbedTraffic = 'none' | 'watches' | 'requests';

export type LivenessProbeParts = {
  readonly clock: Clock;
  /** What would be missed if the node were dead. */
  readonly traffic: () => ProbedTraffic;
  /** Asks the node something that it answers by itself. */
  readonly ask: () => void;
  readonly dead: () => void;
};

/**
 * Finds a connection that is open but dead (a stopped process, a black hole), long before Socket.IO's own 45 s (FAILURE-MODES 51). A quiet
 * node is never suspected by silence alone, since a lock may be waited for in silence: it is asked first.
 */
export class LivenessProbe {
  #timer: Timer | null = null;
  #lastHeardMs = 0;
  #askedAtMs: number | null = null;
  #lastCheckMs = 0;

  constructor(private readonly parts: LivenessProbeParts) {}

  start(): void {
    this.stop();
    this.heard();
    this.#lastCheckMs = this.#lastHeardMs;
    this.#arm();
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }

  heard(): void {
    this.#lastHeardMs = this.parts.clock.nowMs();
    this.#askedAtMs = null;
  }

  #arm(): void {
    this.#timer = this.parts.clock.setTimer(CHECK_INTERVAL_MS, () => {
      this.#arm();
      this.#check();
    });
  }

  #check(): void {
    const nowMs = this.parts.clock.nowMs();
    const lateMs = nowMs - this.#lastCheckMs - CHECK_INTERVAL_MS;
    this.#lastCheckMs = nowMs;
    // We were held up ourselves: answers may lie unread, so the silence proves nothing yet.
    if (lateMs > CHECK_INTERVAL_MS) {
      this.heard();
      return;
    }
    if (this.#askedAtMs !== null) {
      if (nowMs - this.#askedAtMs >= PROBE_TIMEOUT_MS) {
        this.stop();
        this.parts.dead();
      }
      return;
    }
    const traffic = this.parts.traffic();
    if (traffic === 'none') {
      this.heard();
      return;
    }
    const patienceMs = traffic === 'requests' ? PROBE_AFTER_SILENCE_MS : PROBE_IDLE_WATCH_MS;
    if (nowMs - this.#lastHeardMs < patienceMs) return;
    this.#askedAtMs = nowMs;
    this.parts.ask();
  }
}
