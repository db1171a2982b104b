/** One request for the lock. */
export type Waiting = { readonly askedMs: number };

/** Requests of different clients that left so close to each other may arrive in either order: neither is the older one. */
const SAME_TIME_MS = 10;

/** Sees who asks for one lock, who receives it, and whether it ever had two holders. */
export class LockQueueObserver {
  /** In the order in which they left this process. */
  readonly #waiting = new Set<Waiting>();
  #holder: Waiting | null = null;
  #startedMs: number | null = null;
  #lastGrantMs = 0;
  #handoffs = 0;
  #toOldest = 0;
  #longestWaitMs = 0;

  /** What happened before is not counted: the first waiters come in a crowd, on cold connections. */
  startCounting(): void {
    this.#startedMs = performance.now();
  }

  asks(nowMs: number): Waiting {
    const waiting = { askedMs: nowMs };
    this.#waiting.add(waiting);
    return waiting;
  }

  /** @throws when somebody else holds it */
  receives(waiting: Waiting, nowMs: number): void {
    this.#takes(waiting);
    const [oldest] = this.#waiting;
    this.#waiting.delete(waiting);
    if (this.#startedMs === null) return;
    this.#handoffs += 1;
    if (oldest !== undefined && waiting.askedMs - oldest.askedMs <= SAME_TIME_MS) this.#toOldest += 1;
    this.#longestWaitMs = Math.max(this.#longestWaitMs, nowMs - waiting.askedMs);
    this.#lastGrantMs = nowMs;
  }

  /** Received, but too late to count. */
  leaves(waiting: Waiting): void {
    this.#takes(waiting);
    this.#waiting.delete(waiting);
  }

  /** Called before the release is sent: afterwards the next holder may hear of it first. */
  gives(waiting: Waiting): void {
    if (this.#holder !== waiting) throw new Error('a lock is given back by who does not hold it');
    this.#holder = null;
  }

  /** @throws when there is nothing to count */
  counted(): { handoffs: number; toOldest: number; longestWaitMs: number; countedMs: number } {
    if (this.#startedMs === null || this.#handoffs === 0) throw new Error('the lock was never handed over');
    return {
      handoffs: this.#handoffs,
      toOldest: this.#toOldest,
      longestWaitMs: this.#longestWaitMs,
      countedMs: this.#lastGrantMs - this.#startedMs,
    };
  }

  #takes(waiting: Waiting): void {
    if (this.#holder !== null) throw new Error('two clients hold the same lock');
    this.#holder = waiting;
  }
}
