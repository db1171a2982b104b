import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checksumOfRow, isSame, minus, NO_ROWS, plus, totalsOf } from './row-totals.js';

const SEED = 20_261_130;
const LARGEST_CHECKSUM = 2 ** 32 - 1;
const MANY_PAGES = 100_000;
const PAGE = Array.from({ length: 1_000 }, () => LARGEST_CHECKSUM);

const checksums = fc.array(fc.integer({ min: 0, max: LARGEST_CHECKSUM }), { maxLength: 50 });

describe('checksum of a row', () => {
  it('changes with every byte of key and value, and with where the key ends', () => {
    const all = [
      ['ab', 'c'],
      ['a', 'bc'],
      ['abc', ''],
      ['', 'abc'],
      ['ab', 'd'],
      ['bb', 'c'],
    ].map(([key, value]) => checksumOfRow(Buffer.from(key ?? ''), Buffer.from(value ?? '')));
    expect(new Set(all).size).toBe(all.length);
  });
});

describe('totals of rows', () => {
  it('do not depend on the order, and what is taken away again was never there', () => {
    fc.assert(
      fc.property(checksums, checksums, (kept, gone) => {
        const both = plus(totalsOf(kept), totalsOf(gone));
        expect(both).toEqual(totalsOf([...gone, ...kept].toReversed()));
        expect(minus(both, totalsOf(gone))).toEqual(totalsOf(kept));
      }),
      { seed: SEED },
    );
  });

  it('stay exact for a hundred million rows, over pages added and taken away', () => {
    const page = totalsOf(PAGE);
    let totals = NO_ROWS;
    for (let count = 0; count < MANY_PAGES; count += 1) totals = plus(totals, page);
    expect(Number.isSafeInteger(totals.sum)).toBe(true);
    for (let count = 0; count < MANY_PAGES; count += 1) totals = minus(totals, page);
    expect(totals).toEqual(NO_ROWS);
  });

  it('tell a row that was exchanged for another', () => {
    expect(isSame(totalsOf([1, 2, 3]), totalsOf([1, 2, 4]))).toBe(false);
    expect(isSame(totalsOf([1, 2, 0]), totalsOf([1, 2]))).toBe(false);
  });
});
