/** What happens at one instant; `run` is null once it was cancelled. */
export type ScheduledEvent = {
  readonly atMs: number;
  readonly sequence: number;
  run: (() => void) | null;
  /** It settles no promise: nobody else needs a turn after it. */
  readonly isQuiet: boolean;
};

/** Events in virtual time; those of the same instant run in the order in which they were scheduled. */
export class EventQueue {
  nowMs = 0;
  /** Whether the event that ran last was a quiet one. */
  wasQuiet = false;
  private readonly heap: ScheduledEvent[] = [];
  private lastSequence = 0;

  schedule(atMs: number, run: () => void, isQuiet = false): ScheduledEvent {
    this.lastSequence += 1;
    const event = { atMs: Math.max(atMs, this.nowMs), sequence: this.lastSequence, run, isQuiet };
    this.heap.push(event);
    this.siftUp(this.heap.length - 1);
    return event;
  }

  /** Runs the next event that is due by `untilMs`; false when there is none, with time moved to `untilMs`. */
  runNext(untilMs: number): boolean {
    for (let next = this.heap[0]; next !== undefined && next.atMs <= untilMs; next = this.heap[0]) {
      this.removeFirst();
      if (next.run === null) continue;
      this.nowMs = next.atMs;
      this.wasQuiet = next.isQuiet;
      next.run();
      return true;
    }
    this.nowMs = Math.max(this.nowMs, untilMs);
    return false;
  }

  private removeFirst(): void {
    const last = this.heap.pop();
    if (last === undefined || this.heap.length === 0) return;
    this.heap[0] = last;
    this.siftDown(last);
  }

  private siftUp(start: number): void {
    const { heap } = this;
    const moving = heap[start];
    if (moving === undefined) return;
    let position = start;
    while (position > 0) {
      const parentPosition = (position - 1) >> 1;
      const parent = heap[parentPosition];
      if (parent === undefined || !isBefore(moving, parent)) break;
      heap[position] = parent;
      position = parentPosition;
    }
    heap[position] = moving;
  }

  private siftDown(moving: ScheduledEvent): void {
    const { heap } = this;
    let position = 0;
    for (;;) {
      let childPosition = 2 * position + 1;
      let child = heap[childPosition];
      if (child === undefined) break;
      const right = heap[childPosition + 1];
      if (right !== undefined && isBefore(right, child)) {
        child = right;
        childPosition += 1;
      }
      if (!isBefore(child, moving)) break;
      heap[position] = child;
      position = childPosition;
    }
    heap[position] = moving;
  }
}

function isBefore(left: ScheduledEvent, right: ScheduledEvent): boolean {
  return left.atMs < right.atMs || (left.atMs === right.atMs && left.sequence < right.sequence);
}
