import type { DialEnd } from './dial-attempt.js';
import type { PeerTransportLimits } from './peer-transport-limits.js';

/** A link that lived this long was a good one: the next attempt begins with the shortest delay again. */
const goodLinkMs = 1_000;

/** More doublings would only make the number large. */
const maxDoublings = 10;

/** How long to wait before dialling again, from how the attempts before have ended. */
export class RedialPace {
  #failureCount = 0;

  constructor(private readonly limits: PeerTransportLimits) {}

  /** Attempts without a good link since the last one. */
  get failureCount(): number {
    return this.#failureCount;
  }

  delayMsAfter(end: DialEnd): number {
    if (end.kind === 'refused' || end.kind === 'impostor') return this.limits.redialDelayRefusedMs;
    this.#failureCount = end.kind === 'lost' && end.livedMs >= goodLinkMs ? 0 : this.#failureCount + 1;
    const { redialDelayMinMs, redialDelayMaxMs } = this.limits;
    const delayMs = Math.min(redialDelayMaxMs, redialDelayMinMs * 2 ** Math.min(this.#failureCount, maxDoublings));
    return delayMs * (1 - Math.random() / 2);
  }
}
