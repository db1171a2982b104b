import { at } from './at.js';
import { invariant } from './invariant.js';

export type Numbered<Element> = { readonly number: number; readonly element: Element };

/** A list that grows at its end and forgets from its front. Each element keeps the number it got, one more than the last. */
export class NumberedList<Element> {
  /** Those before `#dropped` are forgotten. */
  #elements: Element[] = [];
  #dropped = 0;
  #next = 0;
  /** Elements below this number have been taken. */
  #takenBelow = 0;

  get size(): number {
    return this.#elements.length - this.#dropped;
  }

  /** The number that the next element gets. */
  get next(): number {
    return this.#next;
  }

  /** Sets the number of the first element of an empty list. */
  startAt(number: number): void {
    invariant(this.size === 0, 'a list starts before its first element');
    this.#next = number;
  }

  push(element: Element): void {
    this.#elements.push(element);
    this.#next += 1;
  }

  /** Forgets the oldest element. */
  dropOldest(): Numbered<Element> & { readonly wasTaken: boolean } {
    const number = this.#next - this.size;
    const element = at(this.#elements, this.#dropped);
    this.#dropped += 1;
    if (this.#dropped * 2 >= this.#elements.length) {
      this.#elements = this.#elements.slice(this.#dropped);
      this.#dropped = 0;
    }
    return { number, element, wasTaken: number < this.#takenBelow };
  }

  /** The elements that were not taken before. */
  take(): readonly Numbered<Element>[] {
    const first = this.#next - this.size;
    const taken: Numbered<Element>[] = [];
    for (let number = Math.max(first, this.#takenBelow); number < this.#next; number += 1) {
      taken.push({ number, element: at(this.#elements, this.#dropped + number - first) });
    }
    this.#takenBelow = this.#next;
    return taken;
  }
}
