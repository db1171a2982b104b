const BITS_PER_WORD = 16;
const FULL_WORD = 0xffff;

/**
 * The numbers from 0 to size − 1 that are taken. Numbers are mostly taken in order, so that only a short stretch of words is
 * neither full nor empty, and the exact content fits in a few characters.
 */
export class TakenSet {
  readonly #words: Uint16Array;
  /** All words below are full. */
  #low = 0;
  /** All words above are empty. */
  #high = 0;

  constructor(size: number) {
    this.#words = new Uint16Array(Math.ceil(size / BITS_PER_WORD));
  }

  has(number: number): boolean {
    return (this.#word(wordOf(number)) & bitOf(number)) !== 0;
  }

  add(number: number): void {
    const word = wordOf(number);
    this.#words[word] = this.#word(word) | bitOf(number);
    if (word > this.#high) this.#high = word;
  }

  delete(number: number): void {
    const word = wordOf(number);
    this.#words[word] = this.#word(word) & ~bitOf(number);
    if (word < this.#low) this.#low = word;
  }

  /** Equal for equal content; states its own length, so that other text may follow it. */
  key(): string {
    while (this.#low < this.#words.length && this.#word(this.#low) === FULL_WORD) this.#low += 1;
    while (this.#high > this.#low && this.#word(this.#high) === 0) this.#high -= 1;
    const stretch = this.#words.subarray(this.#low, this.#high + 1);
    return `${this.#low}+${stretch.length}:${String.fromCharCode(...stretch)}`;
  }

  #word(position: number): number {
    return this.#words[position] ?? 0;
  }
}

const wordOf = (number: number) => number >>> 4;
const bitOf = (number: number) => 1 << (number & (BITS_PER_WORD - 1));
