/** A power of two. A million keys are 62,500 to a part, moved in 2 ms or 3. More parts make every look-up slower. */
const PARTS = 16;
const HASH_FACTOR = 0x01000193;
/** Of longer keys only about so many characters are looked at to choose the part. */
const SAMPLED_CHARACTERS = 8;

/**
 * A map of many keys. A `Map` that is full moves all of its entries at once when one more comes, which takes 100 ms and
 * more for a million; the parts of this one are full at different times, and each has little to move.
 *
 * Whoever changes something has asked for it before, some more than once: the last answer is remembered.
 */
export class KeyMap<Text extends string, Value> {
  readonly #parts: readonly Map<Text, Value>[] = Array.from({ length: PARTS }, () => new Map<Text, Value>());
  #lastKey: Text | null = null;
  #lastPart = new Map<Text, Value>();
  #lastValue: Value | undefined = undefined;

  get isEmpty(): boolean {
    return this.#parts.every((part) => part.size === 0);
  }

  get(key: Text): Value | undefined {
    if (key !== this.#lastKey) this.#seek(key);
    return this.#lastValue;
  }

  set(key: Text, value: Value): void {
    if (key !== this.#lastKey) this.#seek(key);
    this.#lastPart.set(key, value);
    this.#lastValue = value;
  }

  delete(key: Text): boolean {
    if (key !== this.#lastKey) this.#seek(key);
    this.#lastValue = undefined;
    return this.#lastPart.delete(key);
  }

  #seek(key: Text): void {
    this.#lastKey = key;
    this.#lastPart = this.#parts[partNumber(key)] ?? this.#lastPart;
    this.#lastValue = this.#lastPart.get(key);
  }
}

/** FNV-1a over characters from all of the text: keys are alike at their beginning, or at their end. */
function partNumber(text: string): number {
  const step = 1 + Math.floor(text.length / SAMPLED_CHARACTERS);
  let hash = text.length;
  for (let index = text.length - 1; index >= 0; index -= step) {
    hash = Math.imul(hash ^ text.charCodeAt(index), HASH_FACTOR);
  }
  return (hash ^ (hash >>> 16)) & (PARTS - 1);
}
