import type { WireRange } from '@latchkey/contracts';

/** Upper end of everything: no key is longer than 512 bytes. */
const AFTER_ALL_KEYS = '\u{10FFFF}'.repeat(128);

/** The first text after every text that begins with `prefix`, in the order of UTF-8 bytes. */
export function prefixEnd(prefix: string): string {
  const codePoints = Array.from(prefix, (character) => character.codePointAt(0) ?? 0);
  while (codePoints.length > 0) {
    const last = codePoints.pop() ?? 0;
    if (last >= 0x10ffff) continue;
    // Surrogates are not characters: the one after U+D7FF is U+E000.
    const next = last === 0xd7ff ? 0xe000 : last + 1;
    return String.fromCodePoint(...codePoints, next);
  }
  return AFTER_ALL_KEYS;
}

/** What of `range` lies after `key`; null when a single key was asked. */
export function rangeAfter(range: WireRange, key: string): WireRange | null {
  if ('key' in range) return null;
  const to = 'prefix' in range ? prefixEnd(range.prefix) : range.to;
  return { from: `${key}\u0000`, to };
}
