import { crc32 as zlibCrc32 } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { crc32 } from './crc32.js';

const LONGEST = 70;
const STEP = 89;

const bytesOf = (length: number): Uint8Array => Uint8Array.from({ length }, (_, position) => position * STEP + length);

describe('CRC-32', () => {
  it('of the digits 1 to 9 is the check value that its definition names', () => {
    expect(crc32(new TextEncoder().encode('123456789'))).toBe(0xcbf43926);
  });

  it('is the one of zlib, for every length and every split', () => {
    for (let length = 0; length <= LONGEST; length += 1) {
      const bytes = bytesOf(length);
      const expected = zlibCrc32(bytes);
      expect(crc32(bytes)).toBe(expected);
      for (let cut = 0; cut <= length; cut += 1) {
        expect(crc32(bytes.subarray(cut), crc32(bytes.subarray(0, cut)))).toBe(expected);
      }
    }
  });
});
