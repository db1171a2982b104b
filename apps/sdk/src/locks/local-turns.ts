import type { Clock, Timer } from '../ports/clock.js';

/** The right to ask the cluster for one lock. */
export type Turn = { leave(): void };

type Waiting = { readonly enter: () => void };

/**
 * Callers of one client that want the same lock, in order. A lease has one place in a lock's queue on the cluster, so two callers sharing it would
 * both believe they hold the lock; here the second asks only after the first has given it back, and gets a token of its own.
 */
export class LocalTurns {
  /** Present = somebody has the turn. */
  readonly #waiting = new Map<string, Waiting[]>();

  constructor(private readonly clock: Clock) {}

  /** null = somebody in this client has it. */
  tryEnter(key: string): Turn | null {
    if (this.#waiting.has(key)) return null;
    this.#waiting.set(key, []);
    return this.#turn(key);
  }

  /** Resolves with null when `deadlineMs` passes first; rejects with the signal's reason when it aborts first. */
  enter(key: string, deadlineMs: number, signal?: AbortSignal): Promise<Turn | null> {
    const turn = this.tryEnter(key);
    if (turn !== null) return Promise.resolve(turn);
    return new Promise((resolve, reject) => {
      let timer: Timer | null = null;
      const queue = this.#waiting.get(key) ?? [];
      const stopWaiting = (): void => {
        timer?.cancel();
        signal?.removeEventListener('abort', onAbort);
        const place = queue.indexOf(waiting);
        if (place >= 0) queue.splice(place, 1);
      };
      const onAbort = (): void => {
        stopWaiting();
        reject(signal?.reason);
      };
      const waiting: Waiting = {
        enter: () => {
          stopWaiting();
          resolve(this.#turn(key));
        },
      };
      queue.push(waiting);
      signal?.addEventListener('abort', onAbort, { once: true });
      if (deadlineMs !== Number.POSITIVE_INFINITY) {
        timer = this.clock.setTimer(Math.max(0, deadlineMs - this.clock.nowMs()), () => {
          stopWaiting();
          resolve(null);
        });
      }
    });
  }

  #turn(key: string): Turn {
    let left = false;
    return {
      leave: () => {
        if (left) return;
        left = true;
        const next = this.#waiting.get(key)?.[0];
        if (next === undefined) this.#waiting.delete(key);
        else next.enter();
      },
    };
  }
}
