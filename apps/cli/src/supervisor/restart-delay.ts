const FIRST_MS = 250;
const MAX_MS = 10_000;
/** A run that lasted this long was no failing start: the next one waits the shortest time again. */
const GOOD_RUN_MS = 30_000;

/** How long to wait before a node that died is started again: doubling while it keeps failing, never more than 10 s. */
export class RestartDelay {
  #nextMs = FIRST_MS;

  /** `ranMs`: how long the run lasted that has just ended. */
  next(ranMs: number): number {
    if (ranMs >= GOOD_RUN_MS) this.#nextMs = FIRST_MS;
    const delayMs = this.#nextMs;
    this.#nextMs = Math.min(MAX_MS, delayMs * 2);
    return delayMs;
  }
}
