/** What `for await` runs over. Leaving the loop, aborting the signal, or closing the client ends it. */
export interface WatchStream<Item> extends AsyncIterableIterator<Item>, AsyncDisposable {
  /**
   * Resolves when the watch is in place: whatever is written afterwards will be seen. Without it, a write made right after the watch
   * may count as part of the past.
   */
  readonly opened: Promise<void>;
  next(): Promise<IteratorResult<Item, undefined>>;
  return(): Promise<IteratorResult<Item, undefined>>;
}

export type WatchSource<Item> = {
  /** The next items, none of them yet handed out; null = over. They are asked for one by one: one that throws ends the stream, after those before it. */
  readonly pull: () => Promise<Iterable<Item> | null>;
  readonly stop: () => void;
  readonly opened: () => Promise<void>;
};

/** One item at a time out of a source of batches. Calls of `next` are answered in order. */
export function streamFrom<Item>(source: WatchSource<Item>): WatchStream<Item> {
  let items: Iterator<Item> = [].values();
  let over = false;
  let unanswered = 0;
  let last: Promise<unknown> = Promise.resolve();
  const stop = (): void => {
    over = true;
    source.stop();
  };
  /** Null: there is none at hand. */
  const itemAtHand = (): IteratorResult<Item, undefined> | null => {
    if (over) return { done: true, value: undefined };
    try {
      const item = items.next();
      return item.done === true ? null : item;
    } catch (error) {
      stop();
      throw error;
    }
  };
  const pullItem = async (): Promise<IteratorResult<Item, undefined>> => {
    for (;;) {
      const item = itemAtHand();
      if (item !== null) return item;
      const pulled = await source.pull().catch((error: unknown) => {
        stop();
        throw error;
      });
      if (pulled === null) over = true;
      else items = pulled[Symbol.iterator]();
    }
  };
  const answered = (): void => {
    unanswered -= 1;
  };
  const next = async (): Promise<IteratorResult<Item, undefined>> => {
    // Mostly there is one and nobody waits: to queue up for it would cost more than all the rest of handing it out.
    const item = unanswered === 0 ? itemAtHand() : null;
    if (item !== null) return item;
    unanswered += 1;
    const pulled = last.then(pullItem);
    last = pulled.then(answered, answered);
    return pulled;
  };
  const end = (): Promise<IteratorResult<Item, undefined>> => {
    stop();
    return Promise.resolve({ done: true, value: undefined });
  };
  return {
    get opened() {
      return source.opened();
    },
    next,
    return: end,
    [Symbol.asyncIterator]() {
      return this;
    },
    [Symbol.asyncDispose]: async () => {
      await end();
    },
  };
}
