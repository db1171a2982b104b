import type { Key } from './ids.js';

/** Half open: `start <= key < end`; `end` null means no upper bound. An empty `start` is before every key. */
export type KeyRange = { readonly start: string; readonly end: string | null };

/** Exactly one key: nothing sorts between a key and itself followed by a zero byte. */
export const singleKey = (key: Key): KeyRange => ({ start: key, end: `${key}\0` });

export const isSingleKey = (range: KeyRange): boolean => range.end === `${range.start}\0`;

/** Every key that begins with `prefix`; all keys for the empty prefix. */
export function prefixRange(prefix: string): KeyRange {
  for (let length = prefix.length; length > 0; length -= 1) {
    const last = prefix.charCodeAt(length - 1);
    // A last byte of 255 has no successor: drop it and raise the one before.
    if (last < 0xff) return { start: prefix, end: prefix.slice(0, length - 1) + String.fromCharCode(last + 1) };
  }
  return { start: prefix, end: null };
}

export const contains = (range: KeyRange, key: string): boolean =>
  key >= range.start && (range.end === null || key < range.end);
