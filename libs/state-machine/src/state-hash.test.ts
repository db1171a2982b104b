import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { StateHash } from './state-hash.js';

const hashOf = (mix: (hash: StateHash) => void): string => {
  const hash = new StateHash();
  mix(hash);
  return hash.digest();
};

describe('state hash', () => {
  it('has 16 hex digits and changes with every single bit of a value, wherever the bit is', () => {
    const value = fc.uint8Array({ minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(value, fc.nat(), fc.nat(7), (bytes, position, bit) => {
        const flipped = Uint8Array.from(bytes);
        const index = position % bytes.length;
        flipped[index] = (bytes[index] ?? 0) ^ (1 << bit);
        const before = hashOf((hash) => hash.mixBytes(bytes));
        expect(before).toMatch(/^[0-9a-f]{16}$/);
        expect(hashOf((hash) => hash.mixBytes(flipped))).not.toBe(before);
      }),
    );
  });

  it('tells texts and byte strings apart that only differ in where they are cut', () => {
    const texts = (...parts: string[]) => hashOf((hash) => parts.forEach((part) => hash.mixText(part)));
    expect(texts('ab', 'c')).not.toBe(texts('a', 'bc'));
    expect(texts('abcd', '')).not.toBe(texts('', 'abcd'));
    const zeros = (...sizes: number[]) =>
      hashOf((hash) => sizes.forEach((size) => hash.mixBytes(new Uint8Array(size))));
    expect(zeros(8, 16)).not.toBe(zeros(16, 8));
  });

  it('sees the high half of a number beyond 32 bits', () => {
    const number = (value: number) => hashOf((hash) => hash.mixNumber(value));
    expect(number(5)).not.toBe(number(5 + 2 ** 40));
  });

  it('gives the same digits for ever: they are compared between versions of the program', () => {
    const digest = hashOf((hash) => {
      hash.mixNumber(2 ** 41 + 7);
      hash.mixText('config/payments/limit');
      hash.mixBytes(Uint8Array.from({ length: 21 }, (_, index) => index * 11));
    });
    expect(digest).toMatchInlineSnapshot(`"929e9ee5595feda9"`);
  });
});
