type Item<Value> = { readonly dueMs: number; readonly value: Value };

/** A binary heap of things that fall due: the earliest first. */
export class DueQueue<Value> {
  private readonly heap: Item<Value>[] = [];

  get size(): number {
    return this.heap.length;
  }

  /** Infinity when nothing waits. */
  get earliestDueMs(): number {
    return this.heap[0]?.dueMs ?? Infinity;
  }

  add(value: Value, dueMs: number): void {
    const item = { dueMs, value };
    this.heap.push(item);
    let position = this.heap.length - 1;
    while (position > 0) {
      const parentPosition = (position - 1) >> 1;
      const parent = this.heap[parentPosition];
      if (parent === undefined || parent.dueMs <= dueMs) break;
      this.heap[position] = parent;
      position = parentPosition;
    }
    this.heap[position] = item;
  }

  /** The earliest one when it is due, else null. */
  takeDue(nowMs: number): Value | null {
    const first = this.heap[0];
    if (first === undefined || first.dueMs > nowMs) return null;
    const last = this.heap.pop();
    if (last !== undefined && last !== first) this.sinkFromTop(last);
    return first.value;
  }

  private sinkFromTop(item: Item<Value>): void {
    let position = 0;
    for (;;) {
      const left = this.heap[2 * position + 1];
      const right = this.heap[2 * position + 2];
      const smaller = right !== undefined && left !== undefined && right.dueMs < left.dueMs ? right : left;
      if (smaller === undefined || smaller.dueMs >= item.dueMs) break;
      this.heap[position] = smaller;
      position = smaller === left ? 2 * position + 1 : 2 * position + 2;
    }
    this.heap[position] = item;
  }
}
