type ScheduledEvent = { readonly atMs: number; readonly sequence: number; readonly run: () => void };

/** Events in virtual time; those of the same instant run in the order in which they were scheduled. */
export class EventQueue {
  nowMs = 0;
  private readonly heap: ScheduledEvent[] = [];
  private lastSequence = 0;

  schedule(atMs: number, run: () => void): void {
    this.lastSequence += 1;
    this.heap.push({ atMs: Math.max(atMs, this.nowMs), sequence: this.lastSequence, run });
    this.siftUp(this.heap.length - 1);
  }

  /** Runs the next event that is due by `untilMs`; gives false when there is none, with time moved to `untilMs`. */
  runNext(untilMs: number): boolean {
    const next = this.heap[0];
    if (next === undefined || next.atMs > untilMs) {
      this.nowMs = Math.max(this.nowMs, untilMs);
      return false;
    }
    this.nowMs = next.atMs;
    const last = this.heap.pop();
    if (last !== undefined && this.heap.length > 0) {
      this.heap[0] = last;
      this.siftDown();
    }
    next.run();
    return true;
  }

  private siftUp(start: number): void {
    let position = start;
    while (position > 0) {
      const parent = (position - 1) >> 1;
      if (!this.isBefore(position, parent)) return;
      this.swap(position, parent);
      position = parent;
    }
  }

  private siftDown(): void {
    let position = 0;
    for (;;) {
      const left = 2 * position + 1;
      let first = position;
      if (left < this.heap.length && this.isBefore(left, first)) first = left;
      if (left + 1 < this.heap.length && this.isBefore(left + 1, first)) first = left + 1;
      if (first === position) return;
      this.swap(position, first);
      position = first;
    }
  }

  private isBefore(left: number, right: number): boolean {
    const [a, b] = [this.heap[left], this.heap[right]];
    if (a === undefined || b === undefined) return false;
    return a.atMs < b.atMs || (a.atMs === b.atMs && a.sequence < b.sequence);
  }

  private swap(left: number, right: number): void {
    const [a, b] = [this.heap[left], this.heap[right]];
    if (a === undefined || b === undefined) return;
    this.heap[left] = b;
    this.heap[right] = a;
  }
}
