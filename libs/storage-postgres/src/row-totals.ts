import { crc32 } from 'node:zlib';

/**
 * What a whole set of rows must come to, whatever their order: a row that is missing, added, or left over from another
 * time changes the sum, and a row that was altered does not fit its own checksum. Kept up to date by each change, since the
 * database tells the checksums of the rows that were replaced.
 */
export type RowTotals = {
  readonly count: number;
  /** Of the rows' checksums, modulo `SUM_LIMIT`. */
  readonly sum: number;
};

export const NO_ROWS: RowTotals = { count: 0, sum: 0 };

/** Far beyond the sum of a page, and exact as a number with room for two of them. */
export const SUM_LIMIT = 2 ** 48;
/** Odd, with its bits well mixed: makes small lengths differ in many bits. */
const SPREAD = 0x9e3779b1;

/** The key's length is under the checksum too, or bytes could move from key to value unseen. */
export function checksumOfRow(key: Uint8Array, value: Uint8Array): number {
  return (crc32(value, crc32(key)) ^ Math.imul(key.byteLength, SPREAD)) >>> 0;
}

export function totalsOf(checksums: readonly number[]): RowTotals {
  return { count: checksums.length, sum: checksums.reduce((sum, checksum) => sum + checksum, 0) % SUM_LIMIT };
}

export function plus(one: RowTotals, other: RowTotals): RowTotals {
  return { count: one.count + other.count, sum: (one.sum + other.sum) % SUM_LIMIT };
}

export function minus(one: RowTotals, other: RowTotals): RowTotals {
  return { count: one.count - other.count, sum: (one.sum - (other.sum % SUM_LIMIT) + SUM_LIMIT) % SUM_LIMIT };
}

export function isSame(one: RowTotals, other: RowTotals): boolean {
  return one.count === other.count && one.sum === other.sum;
}
