import type { PeerTransportObserver } from './peer-transport-observer.js';

const maxKeys = 1_000;

/** Keeps a peer that fails many times a second from filling the log. */
export class WarningLimiter {
  readonly #lastByKey = new Map<string, { warnedAtMs: number; suppressedCount: number }>();

  constructor(
    private readonly observer: PeerTransportObserver,
    private readonly intervalMs: number,
  ) {}

  /** `key` names what is wrong and with whom, and is never made of text that a stranger sent. */
  warn(key: string, message: string, details: Readonly<Record<string, unknown>> = {}): void {
    const nowMs = performance.now();
    const last = this.#lastByKey.get(key);
    if (last !== undefined && nowMs - last.warnedAtMs < this.intervalMs) {
      last.suppressedCount += 1;
      return;
    }
    if (this.#lastByKey.size >= maxKeys) this.#lastByKey.clear();
    this.#lastByKey.set(key, { warnedAtMs: nowMs, suppressedCount: 0 });
    const suppressedCount = last?.suppressedCount ?? 0;
    this.observer.warning?.(message, suppressedCount === 0 ? details : { ...details, suppressedCount });
  }
}
