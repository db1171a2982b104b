import { Buffer } from 'node:buffer';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { copyValue, lengthOfValue, MAX_PACKED_BYTES, readValue, packValue } from './stored-value.js';

const PROPERTY_RUNS = 300;
const MARGIN = 3;

const values = fc.oneof(
  fc.uint8Array({ maxLength: 20 }),
  fc.uint8Array({ minLength: MAX_PACKED_BYTES - 3, maxLength: MAX_PACKED_BYTES + 3 }),
);

describe('a stored value', () => {
  it('has the bytes that it was made of, whatever they are and how many', () => {
    fc.assert(
      fc.property(values, fc.nat(MARGIN), (bytes, start) => {
        const whole = Uint8Array.of(...new Uint8Array(start).fill(255), ...bytes);
        const stored = packValue(whole, start);
        expect([readValue(stored), lengthOfValue(stored)]).toEqual([bytes, bytes.length]);
        const target = new Uint8Array(bytes.length + 2 * MARGIN).fill(99);
        copyValue(stored, target, MARGIN);
        const around = new Uint8Array(MARGIN).fill(99);
        expect(target).toEqual(Uint8Array.of(...around, ...bytes, ...around));
      }),
      { numRuns: PROPERTY_RUNS },
    );
  });

  it.each([0, 1, 64, MAX_PACKED_BYTES, MAX_PACKED_BYTES + 1])(
    'of %i bytes keeps nothing of the array that they came in, also when that is a Node Buffer',
    (length) => {
      const bytes = Buffer.alloc(length, 7);
      const stored = packValue(bytes);
      bytes.fill(0);
      expect(readValue(stored)).toEqual(new Uint8Array(length).fill(7));
      if (typeof stored !== 'string') expect(stored.buffer.byteLength).toBe(length);
    },
  );
});
