import type { LogIndex } from '@latchkey/raft';

export type AppliedWaiter = {
  readonly index: LogIndex;
  readonly deadlineMs: number;
  readonly resolve: (index: LogIndex) => void;
  readonly reject: (error: Error) => void;
  /** What `reject` is given when the deadline passes. */
  readonly onTimeout: () => Error;
};

/** Those who wait until this node has applied an index, in index order. */
export class AppliedWaiters {
  private waiting: AppliedWaiter[] = [];
  /** No deadline is earlier; may be early itself, never late. */
  private deadlineBoundMs = Infinity;

  get size(): number {
    return this.waiting.length;
  }

  nextDeadlineMs(): number {
    return this.deadlineBoundMs;
  }

  add(waiter: AppliedWaiter): void {
    let position = this.waiting.length;
    while (position > 0 && (this.waiting[position - 1]?.index ?? 0) > waiter.index) position -= 1;
    if (position === this.waiting.length) this.waiting.push(waiter);
    else this.waiting.splice(position, 0, waiter);
    this.deadlineBoundMs = Math.min(this.deadlineBoundMs, waiter.deadlineMs);
  }

  applied(appliedIndex: LogIndex): void {
    let served = 0;
    for (const waiter of this.waiting) {
      if (waiter.index > appliedIndex) break;
      served += 1;
      waiter.resolve(appliedIndex);
    }
    if (served > 0) this.waiting.splice(0, served);
  }

  expire(nowMs: number): void {
    if (nowMs < this.deadlineBoundMs) return;
    this.deadlineBoundMs = Infinity;
    const kept: AppliedWaiter[] = [];
    for (const waiter of this.waiting) {
      if (waiter.deadlineMs <= nowMs) waiter.reject(waiter.onTimeout());
      else {
        kept.push(waiter);
        this.deadlineBoundMs = Math.min(this.deadlineBoundMs, waiter.deadlineMs);
      }
    }
    this.waiting = kept;
  }

  failAll(error: Error): void {
    const failed = this.waiting;
    this.waiting = [];
    this.deadlineBoundMs = Infinity;
    for (const waiter of failed) waiter.reject(error);
  }
}
