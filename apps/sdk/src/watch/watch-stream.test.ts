import { describe, expect, it } from 'vitest';
import { streamFrom } from './watch-stream.js';

/** A source that gives a batch whenever the story says so. */
function sourceOf<Item>() {
  const pulls: ((batch: Iterable<Item> | null) => void)[] = [];
  const source = {
    stops: 0,
    pull: () => new Promise<Iterable<Item> | null>((resolve) => pulls.push(resolve)),
    stop: () => {
      source.stops += 1;
    },
    opened: () => Promise.resolve(),
    /** The oldest pull that waits gets it. */
    give: (batch: Iterable<Item> | null) => pulls.shift()?.(batch),
    get pullsWaiting() {
      return pulls.length;
    },
  };
  return source;
}

/** A stream of which the first item has been asked for, and its source has given a batch. */
async function begunWith(batch: Iterable<number>) {
  const source = sourceOf<number>();
  const stream = streamFrom(source);
  const first = stream.next();
  await settled();
  source.give(batch);
  return { source, stream, first: await first };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('a stream over a source of batches', () => {
  it('answers calls in the order in which they came, one item each, whatever the batches are', async () => {
    const source = sourceOf<number>();
    const stream = streamFrom(source);
    const answers = [stream.next(), stream.next(), stream.next(), stream.next()];
    await settled();
    source.give([1, 2]);
    await settled();
    source.give([]);
    await settled();
    source.give([3, 4, 5]);
    const items = await Promise.all([...answers, stream.next()]);
    expect(items.map(({ value }) => value)).toEqual([1, 2, 3, 4, 5]);
  });

  it('asks its source for nothing while there is an item at hand, and never for two batches at once', async () => {
    const { source, stream } = await begunWith([1, 2]);
    await stream.next();
    expect(source.pullsWaiting).toBe(0);
    void stream.next();
    void stream.next();
    await settled();
    expect(source.pullsWaiting).toBe(1);
  });

  it('ends with an item that cannot be made, after those before it, and stops its source', async () => {
    const { source, stream, first } = await begunWith(oneThenFailure());
    expect(first).toEqual({ done: false, value: 1 });
    await expect(stream.next()).rejects.toThrow('no second');
    expect(await stream.next()).toEqual({ done: true, value: undefined });
    expect(source.stops).toBe(1);
  });

  it('hands out nothing more once its reader has left, and its source is told', async () => {
    const { source, stream } = await begunWith([1, 2]);
    await stream.return();
    expect(await stream.next()).toEqual({ done: true, value: undefined });
    expect(source).toMatchObject({ stops: 1, pullsWaiting: 0 });
  });

  it('is over when its source is', async () => {
    const source = sourceOf<number>();
    const stream = streamFrom(source);
    const answers = [stream.next(), stream.next()];
    await settled();
    source.give(null);
    expect(await Promise.all(answers)).toEqual([
      { done: true, value: undefined },
      { done: true, value: undefined },
    ]);
  });
});

function* oneThenFailure(): IterableIterator<number> {
  yield 1;
  throw new Error('no second');
}
