type Placed = {
  readonly operation: { readonly invokedAtMs: number };
  /** Infinity: no end, it need not take effect. */
  readonly endsAtMs: number;
};

/**
 * The invocations and ends in the order of time, as a doubly linked list from which an operation can be lifted and put back.
 * An invocation has the number of its operation, an end that number plus the count.
 */
export class EventLine {
  readonly #count: number;
  readonly #head: number;
  readonly #next: Int32Array;
  readonly #previous: Int32Array;
  readonly #hasEnd: readonly boolean[];

  constructor(operations: readonly Placed[]) {
    this.#count = operations.length;
    this.#head = 2 * this.#count;
    this.#next = new Int32Array(2 * this.#count + 1).fill(this.#head);
    this.#previous = new Int32Array(2 * this.#count + 1).fill(this.#head);
    this.#hasEnd = operations.map(mustTakeEffect);
    const events = operations.flatMap(({ operation, endsAtMs }, position) => [
      { atMs: operation.invokedAtMs, event: position },
      ...(endsAtMs === Infinity ? [] : [{ atMs: endsAtMs, event: position + this.#count }]),
    ]);
    // At one and the same time invocations stand before ends: without a proof of the opposite, operations overlap.
    events.sort((one, other) => one.atMs - other.atMs || one.event - other.event);
    let last = this.#head;
    for (const { event } of events) {
      this.#link(last, event);
      last = event;
    }
    this.#link(last, this.#head);
  }

  first(): number {
    return this.after(this.#head);
  }

  after(event: number): number {
    return this.#next[event] ?? this.#head;
  }

  /** Whether nothing after this event may come next: an operation ends here, or the line does. */
  isEnd(event: number): boolean {
    return event >= this.#count;
  }

  /** The lifted invocation goes on leading to what comes after it, so that a walk along the line may lift as it goes. */
  lift(position: number): void {
    // The end first: otherwise the invocation could be left leading to its own lifted end.
    if (this.#hasEnd[position] === true) this.#remove(position + this.#count);
    this.#remove(position);
  }

  /** Only in the opposite order of lifting. */
  putBack(position: number): void {
    this.#insert(position);
    if (this.#hasEnd[position] === true) this.#insert(position + this.#count);
  }

  #remove(event: number): void {
    this.#link(this.#before(event), this.after(event));
  }

  /** A removed event still knows its neighbours. */
  #insert(event: number): void {
    this.#next[this.#before(event)] = event;
    this.#previous[this.after(event)] = event;
  }

  #before(event: number): number {
    return this.#previous[event] ?? this.#head;
  }

  #link(one: number, other: number): void {
    this.#next[one] = other;
    this.#previous[other] = one;
  }
}

export const mustTakeEffect = ({ endsAtMs }: { readonly endsAtMs: number }): boolean => endsAtMs !== Infinity;
