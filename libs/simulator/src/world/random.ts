const WARM_UP_ROUNDS = 12;
const TWO_POW_32 = 2 ** 32;

/**
 * Chance in the simulated world: sfc32. Each part of the world has a stream of its own (`label`), so that one more draw
 * in one part does not change what happens in the others.
 */
export class Random {
  private a: number;
  private b: number;
  private c: number;
  private counter = 1;

  constructor(seed: number, label: string) {
    this.a = seed >>> 0;
    this.b = Math.floor(seed / TWO_POW_32) >>> 0;
    this.c = hashOf(label);
    for (let round = 0; round < WARM_UP_ROUNDS; round += 1) this.next();
  }

  /** Uniform in [0, 1). */
  next(): number {
    const sum = (((this.a + this.b) >>> 0) + this.counter) >>> 0;
    this.counter = (this.counter + 1) >>> 0;
    this.a = this.b ^ (this.b >>> 9);
    this.b = (this.c + (this.c << 3)) >>> 0;
    this.c = (((this.c << 21) | (this.c >>> 11)) + sum) >>> 0;
    return sum / TWO_POW_32;
  }

  /** Draws nothing for a probability of 0. */
  chance(probability: number): boolean {
    return probability > 0 && this.next() < probability;
  }

  between(min: number, max: number): number {
    return min + this.next() * (max - min);
  }

  /** Both ends included. */
  integer(min: number, max: number): number {
    return min + Math.floor(this.next() * (max - min + 1));
  }

  /** A natural number below 2^48. */
  bits48(): number {
    return this.integer(0, 2 ** 16 - 1) * TWO_POW_32 + this.integer(0, TWO_POW_32 - 1);
  }

  /** Cut off at ten times the mean. */
  exponential(mean: number): number {
    return Math.min(10, -Math.log(1 - this.next())) * mean;
  }

  /** @throws RangeError for an empty list */
  pick<Element>(elements: readonly Element[]): Element {
    const element = elements[Math.floor(this.next() * elements.length)];
    if (element === undefined) throw new RangeError('nothing to pick from');
    return element;
  }

  shuffled<Element>(elements: readonly Element[]): Element[] {
    return elements
      .map((element) => ({ element, rank: this.next() }))
      .sort((left, right) => left.rank - right.rank)
      .map(({ element }) => element);
  }
}

/** FNV-1a. */
export function hashOf(text: string): number {
  let value = 0x811c9dc5;
  for (let position = 0; position < text.length; position += 1) {
    value = Math.imul(value ^ text.charCodeAt(position), 0x01000193) >>> 0;
  }
  return value;
}
