import { at } from './at.js';
import type { Key } from './ids.js';
import { invariant, StateInvariantViolation } from './invariant.js';
import type { KeyRange } from './key-range.js';

const MAX_CHUNK_KEYS = 256;
/** Below this a chunk is joined with its neighbour when both fit into half a chunk. */
const MIN_CHUNK_KEYS = MAX_CHUNK_KEYS / 8;

type Position = { readonly chunk: number; readonly index: number };

/**
 * An ordered set of keys: sorted chunks of at most 256, and a directory of lower bounds to find the chunk. Insert and
 * delete cost a search and a short move; counting a range costs one addition per chunk in it. One pointer per key.
 */
export class KeyIndex<Text extends string = Key> {
  readonly #chunks: Text[][] = [];
  /** A bound per chunk: above the last key of the chunk before, and, but for the first chunk, not above its own keys. */
  readonly #lowerBounds: Text[] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** @throws StateInvariantViolation when the key is there already. */
  add(key: Text): void {
    this.#size += 1;
    if (this.#chunks.length === 0) return this.#insertChunk(0, [key]);
    const chunkIndex = this.#chunkOf(key);
    const chunk = at(this.#chunks, chunkIndex);
    const isLast = at(chunk, chunk.length - 1) < key;
    const index = isLast ? chunk.length : lowerBound(chunk, key);
    if (chunk[index] === key) throw new StateInvariantViolation(`key is in the index already: ${JSON.stringify(key)}`);
    // Keys that arrive in order fill chunks to the brim instead of leaving them half full behind a split.
    if (chunk.length === MAX_CHUNK_KEYS && index === chunk.length && chunkIndex === this.#chunks.length - 1) {
      return this.#insertChunk(chunkIndex + 1, [key]);
    }
    insert(chunk, index, key);
    if (chunk.length > MAX_CHUNK_KEYS) this.#insertChunk(chunkIndex + 1, chunk.splice(MAX_CHUNK_KEYS / 2));
  }

  /** @throws StateInvariantViolation when the key is not there. */
  delete(key: Text): void {
    invariant(this.#size > 0, 'delete from an empty index');
    const chunkIndex = this.#chunkOf(key);
    const chunk = at(this.#chunks, chunkIndex);
    const index = lowerBound(chunk, key);
    if (chunk[index] !== key) throw new StateInvariantViolation(`key is not in the index: ${JSON.stringify(key)}`);
    chunk.splice(index, 1);
    this.#size -= 1;
    if (chunk.length === 0) this.#removeChunk(chunkIndex);
    else if (chunk.length < MIN_CHUNK_KEYS) this.#joinWithNeighbour(chunkIndex);
  }

  count(range: KeyRange): number {
    const from = this.#seek(range.start);
    const to = range.end === null ? { chunk: this.#chunks.length, index: 0 } : this.#seek(range.end);
    if (to.chunk < from.chunk) return 0;
    let count = to.index - from.index;
    for (let chunk = from.chunk; chunk < to.chunk; chunk += 1) count += at(this.#chunks, chunk).length;
    return Math.max(0, count);
  }

  /** The first `limit` keys of the range in order; 0 = all of them. */
  keys(range: KeyRange, limit: number): Text[] {
    const found: Text[] = [];
    let { chunk, index } = this.#seek(range.start);
    for (; chunk < this.#chunks.length; chunk += 1, index = 0) {
      const keys = at(this.#chunks, chunk);
      for (; index < keys.length; index += 1) {
        const key = at(keys, index);
        if ((range.end !== null && key >= range.end) || (limit > 0 && found.length === limit)) return found;
        found.push(key);
      }
    }
    return found;
  }

  /** Where the first key at or after `bound` stands, or would stand. */
  #seek(bound: string): Position {
    if (this.#chunks.length === 0) return { chunk: 0, index: 0 };
    const chunk = this.#chunkOf(bound);
    return { chunk, index: lowerBound(at(this.#chunks, chunk), bound) };
  }

  /** The last chunk whose bound is not above the key; the first when all are. */
  #chunkOf(key: string): number {
    let low = 0;
    let high = this.#lowerBounds.length;
    while (high - low > 1) {
      const middle = (low + high) >>> 1;
      if (at(this.#lowerBounds, middle) <= key) low = middle;
      else high = middle;
    }
    return low;
  }

  #insertChunk(index: number, chunk: Text[]): void {
    this.#chunks.splice(index, 0, chunk);
    this.#lowerBounds.splice(index, 0, at(chunk, 0));
  }

  #removeChunk(index: number): void {
    this.#chunks.splice(index, 1);
    this.#lowerBounds.splice(index, 1);
  }

  #joinWithNeighbour(index: number): void {
    const left = index + 1 < this.#chunks.length ? index : index - 1;
    if (left < 0) return;
    const first = at(this.#chunks, left);
    const second = at(this.#chunks, left + 1);
    if (first.length + second.length > MAX_CHUNK_KEYS / 2) return;
    first.push(...second);
    this.#removeChunk(left + 1);
  }
}

/** Index of the first key that is not below `bound`. */
function lowerBound(keys: readonly string[], bound: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (at(keys, middle) < bound) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** `splice` would make an array of what it took out: nothing. */
function insert<Text>(keys: Text[], index: number, key: Text): void {
  let moved = key;
  for (let each = index; each < keys.length; each += 1) {
    const next = at(keys, each);
    keys[each] = moved;
    moved = next;
  }
  keys.push(moved);
}
