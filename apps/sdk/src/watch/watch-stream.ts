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
  /** The next items, none of them yet handed out; null = over. */
  readonly pull: () => Promise<readonly Item[] | null>;
  readonly stop: () => void;
  readonly opened: () => Promise<void>;
};

/** One item at a time out of a source of batches. Calls of `next` are answered in order. */
export function streamFrom<Item>(source: WatchSource<Item>): WatchStream<Item> {
  let items: Item[] = [];
  let over = false;
  let last: Promise<unknown> = Promise.resolve();
  const take = async (): Promise<IteratorResult<Item, undefined>> => {
    while (!over) {
      const item = items.shift();
      if (item !== undefined) return { done: false, value: item };
      const pulled = await source.pull().catch((error: unknown) => {
        over = true;
        throw error;
      });
      if (pulled === null) over = true;
      else items = [...pulled];
    }
    return { done: true, value: undefined };
  };
  const end = (): Promise<IteratorResult<Item, undefined>> => {
    over = true;
    source.stop();
    return Promise.resolve({ done: true, value: undefined });
  };
  return {
    get opened() {
      return source.opened();
    },
    next: () => {
      const result = last.then(take);
      last = result.catch(() => undefined);
      return result;
    },
    return: end,
    [Symbol.asyncIterator]() {
      return this;
    },
    [Symbol.asyncDispose]: async () => {
      await end();
    },
  };
}
