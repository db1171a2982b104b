import { describe, expect, it } from 'vitest';
import { KeyMap } from './key-map.js';

const MANY_KEYS = 3_000;
/** So that keys are asked for in another order than that in which they came. */
const STEP = 1_237;

describe('key map', () => {
  it('finds each of many keys, changes and forgets some, and knows no others', () => {
    const map = new KeyMap<string, number>();
    const model = new Map<string, number>();
    const key = (number: number): string => `key/${(number * STEP) % MANY_KEYS}`;
    for (let each = 0; each < MANY_KEYS; each += 1) {
      map.set(key(each), each);
      model.set(key(each), each);
    }
    for (let each = 0; each < MANY_KEYS; each += 3) {
      map.set(key(each), -each);
      model.set(key(each), -each);
      expect(map.delete(key(each + 1))).toBe(model.delete(key(each + 1)));
    }
    expect(map.delete('key/none')).toBe(false);
    expect(map.get('')).toBeUndefined();
    for (let each = 0; each < MANY_KEYS; each += 1) expect(map.get(key(each))).toBe(model.get(key(each)));
  });

  it('is empty before the first key and after the last', () => {
    const map = new KeyMap<string, number>();
    expect(map.isEmpty).toBe(true);
    map.set('a', 1);
    expect(map.isEmpty).toBe(false);
    map.delete('a');
    expect(map.isEmpty).toBe(true);
  });
});
