import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { key, revision } from './ids.js';
import type { KeyRecord } from './key-record.js';
import { StateHash } from './state-hash.js';
import { StoredRecord } from './stored-record.js';
import { MAX_PACKED_BYTES, packValue } from './stored-value.js';

const SEED = 2_209;
const PROPERTY_RUNS = 200;

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

  it('is the same for a value as the store keeps it and for its bytes, whatever they are and how many', () => {
    const lengths = { minLength: 0, maxLength: MAX_PACKED_BYTES + 1, size: 'max' } as const;
    const values = fc.oneof(fc.uint8Array({ maxLength: 20 }), fc.uint8Array(lengths));
    fc.assert(
      fc.property(values, (value) => {
        const record: KeyRecord = {
          key: key('k'),
          value,
          createRevision: revision(2),
          modRevision: revision(3),
          version: 2,
          leaseId: null,
          updatedAtMs: 1,
        };
        const stored = new StoredRecord({ ...record, content: packValue(value) });
        const digestOf = (each: KeyRecord) =>
          hashOf((hash) => hash.mixEvent({ type: 'put', record: each, previous: null }));
        expect(digestOf(stored)).toBe(digestOf(record));
      }),
      { seed: SEED, numRuns: PROPERTY_RUNS },
    );
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
