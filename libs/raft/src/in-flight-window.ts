import type { LogIndex } from './ids.js';

export type InFlightLimits = { readonly maxAppends: number; readonly maxBytes: number };

type SentAppend = { readonly lastIndex: LogIndex; readonly sizeBytes: number };

/** Entries on their way to one peer, not answered yet. Empty appends are not counted: nothing depends on them. */
export class InFlightWindow {
  private sent: SentAppend[] = [];
  private sentBytes = 0;

  constructor(private readonly limits: InFlightLimits) {}

  get appends(): number {
    return this.sent.length;
  }

  get isEmpty(): boolean {
    return this.sent.length === 0;
  }

  get isFull(): boolean {
    return this.sent.length >= this.limits.maxAppends || this.sentBytes >= this.limits.maxBytes;
  }

  /** What may still be sent. The first entry of all travels whatever its size, else it would never leave. */
  get freeBytes(): number {
    return this.limits.maxBytes - this.sentBytes;
  }

  add(append: SentAppend): void {
    this.sent.push(append);
    this.sentBytes += append.sizeBytes;
  }

  /** The peer has everything up to `matchIndex`. One answer may stand for several appends. */
  release(matchIndex: LogIndex): void {
    let released = 0;
    for (const append of this.sent) {
      if (append.lastIndex > matchIndex) break;
      this.sentBytes -= append.sizeBytes;
      released += 1;
    }
    if (released > 0) this.sent.splice(0, released);
  }

  clear(): void {
    this.sent = [];
    this.sentBytes = 0;
  }
}
