const POLL_INTERVAL_MS = 20;

/** Which write reached which watcher, and how long it took. */
export class DeliveryLog {
  readonly #sentMs: number[] = [];
  readonly #delaysMs: number[] = [];
  /** By watcher: the newest write it has seen. */
  readonly #reached: number[];
  readonly #waiting: { readonly write: number; readonly go: () => void }[] = [];
  /** What every watcher has seen, and how many have seen nothing newer. */
  #slowest = -1;
  #slowestCount: number;
  #lastDeliveryMs = 0;
  #problem: Error | null = null;

  constructor(watchers: number) {
    this.#reached = Array.from({ length: watchers }, () => -1);
    this.#slowestCount = watchers;
  }

  get deliveries(): number {
    return this.#delaysMs.length;
  }

  get lastDeliveryMs(): number {
    return this.#lastDeliveryMs;
  }

  get delaysMs(): readonly number[] {
    return this.#delaysMs;
  }

  sent(write: number, nowMs: number): void {
    this.#sentMs[write] = nowMs;
  }

  delivered(watcher: number, write: number, nowMs: number): void {
    const sentMs = this.#sentMs[write];
    if (sentMs === undefined) {
      this.#problem = new Error(`a watcher was told of write ${write}, which was not sent`);
      return;
    }
    this.#delaysMs.push(nowMs - sentMs);
    this.#lastDeliveryMs = nowMs;
    const before = this.#reached[watcher] ?? -1;
    if (write <= before) return;
    this.#reached[watcher] = write;
    if (before === this.#slowest && --this.#slowestCount === 0) this.#advance();
  }

  /** Resolves when every watcher has seen this write or a later one. */
  untilAllReach(write: number): Promise<void> {
    if (write <= this.#slowest) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ write, go: resolve }));
  }

  /**
   * Resolves when every write has reached every watcher, or nothing has come for `quietMs`.
   * @throws when a watcher was told something that never happened
   */
  async untilQuiet(quietMs: number): Promise<void> {
    const expected = this.#sentMs.length * this.#reached.length;
    let quietSinceMs = performance.now();
    let seen = this.deliveries;
    while (this.deliveries < expected && performance.now() - quietSinceMs < quietMs) {
      await new Promise((resolve) => setTimeout(resolve, POLL_INTERVAL_MS));
      if (this.deliveries > seen) quietSinceMs = performance.now();
      seen = this.deliveries;
    }
    if (this.#problem !== null) throw this.#problem;
  }

  #advance(): void {
    const slowest = this.#reached.reduce((least, write) => Math.min(least, write), Infinity);
    this.#slowest = slowest;
    this.#slowestCount = this.#reached.filter((write) => write === slowest).length;
    const ready = this.#waiting.filter(({ write }) => write <= slowest);
    if (ready.length === 0) return;
    const still = this.#waiting.filter(({ write }) => write > slowest);
    this.#waiting.splice(0, this.#waiting.length, ...still);
    for (const { go } of ready) go();
  }
}
