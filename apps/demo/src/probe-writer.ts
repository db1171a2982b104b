import type { Latchkey } from '@latchkey/sdk';
import { DEMO } from './config.js';

const KEY = 'demo/probe';
/** Writes that wait for a leader; far more than a failover takes. */
const MAX_IN_FLIGHT = 2_000;

type Acknowledged = { readonly sentAt: number; readonly acknowledgedAt: number };

/** Writes a key every few milliseconds and notes when each write was acknowledged: shows from when to when nobody could write. */
export class ProbeWriter {
  readonly #latchkey: Latchkey;
  readonly #acknowledged: Acknowledged[] = [];
  #timer: NodeJS.Timeout | null = null;
  #inFlight = 0;
  #sequence = 0;
  #failed = 0;

  constructor(latchkey: Latchkey) {
    this.#latchkey = latchkey;
  }

  get acknowledgedCount(): number {
    return this.#acknowledged.length;
  }

  get failedCount(): number {
    return this.#failed;
  }

  start(): void {
    this.#timer = setInterval(() => void this.#write(), DEMO.probeIntervalMs);
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
  }

  /** From `momentMs` (on performance.now's clock) to the first acknowledgement of a write sent after it; null = none yet. */
  gapAfter(momentMs: number): number | null {
    let earliest: number | null = null;
    for (const { sentAt, acknowledgedAt } of this.#acknowledged) {
      if (sentAt < momentMs) continue;
      earliest = Math.min(earliest ?? acknowledgedAt, acknowledgedAt);
    }
    return earliest === null ? null : earliest - momentMs;
  }

  async #write(): Promise<void> {
    if (this.#inFlight >= MAX_IN_FLIGHT) return;
    this.#inFlight++;
    const sentAt = performance.now();
    try {
      await this.#latchkey.kv.put(KEY, String(this.#sequence++));
      this.#acknowledged.push({ sentAt, acknowledgedAt: performance.now() });
    } catch {
      this.#failed++;
    } finally {
      this.#inFlight--;
    }
  }
}
