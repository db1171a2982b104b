import { describe, expect, it } from 'vitest';
import type { ByteSink } from './byte-sink.js';
import { CorruptStateRows } from './corrupt-state-rows.js';
import { MAX_PART_BYTES, partCount, PartJoiner, partRows } from './row-parts.js';
import type { StateRow } from './state-rows.js';

const PREFIX = Uint8Array.of(6, 1, 2);
const OTHER_PREFIX = Uint8Array.of(6, 1, 3);
/** Bytes of the two lengths in front of a long body: of the frame and of the byte string in it. */
const LENGTH_BYTES = 6;

const encode =
  (size: number) =>
  (sink: ByteSink): void =>
    sink.bytes(new Uint8Array(size).map((_, index) => index * 7));
const rowsOf = (size: number, prefix = PREFIX): StateRow[] => [...partRows(prefix, encode(size))];

function joined(rows: readonly StateRow[]) {
  const joiner = new PartJoiner();
  const wholes = rows.map((row) => joiner.add(row)).filter((whole) => whole !== null);
  joiner.finish();
  return wholes.map(({ prefix, body }) => ({
    prefix: [prefix.byte(), prefix.byte(), prefix.byte()],
    value: body.bytes(),
  }));
}

describe('bytes in parts', () => {
  it.each([
    [0, 1],
    [1, 1],
    [MAX_PART_BYTES - LENGTH_BYTES, 1],
    [MAX_PART_BYTES - LENGTH_BYTES + 1, 2],
    [3 * MAX_PART_BYTES - LENGTH_BYTES - 2, 3],
    [3 * MAX_PART_BYTES, 4],
  ])('of %i bytes take %i rows, none too long, in key order, and are whole again together', (size, count) => {
    const rows = rowsOf(size);
    expect([rows.length, partCount(encode(size))]).toEqual([count, count]);
    expect(Math.max(...rows.map(({ value }) => value.length))).toBeLessThanOrEqual(MAX_PART_BYTES);
    expect(rows.map(({ key }) => [...key])).toEqual(rows.map((_, part) => [...PREFIX, 0, part]));
    const [first, second] = joined([...rows, ...rowsOf(2, OTHER_PREFIX)]);
    expect(first?.prefix).toEqual([...PREFIX]);
    expect(first?.value.every((byte, index) => byte === ((index * 7) & 255))).toBe(true);
    expect(first?.value.length).toBe(size);
    expect(second).toEqual({ prefix: [...OTHER_PREFIX], value: Uint8Array.of(0, 7) });
  });

  const long = rowsOf(2 * MAX_PART_BYTES);
  const [first, second, third] = long;
  if (first === undefined || second === undefined || third === undefined) throw new Error('made of three parts');
  const shorter = { ...second, value: second.value.subarray(1) };
  it.each<[string, readonly StateRow[]]>([
    ['the first is missing', [second, third]],
    ['one in the middle is missing', [first, third]],
    ['the last is missing', [first, second]],
    ['another begins before the last', [first, second, ...rowsOf(1, OTHER_PREFIX)]],
    ['one belongs to something else', [first, { ...second, key: Uint8Array.of(...OTHER_PREFIX, 0, 1) }, third]],
    ['one is shorter', [first, shorter, third]],
    ['the first is shorter', [{ ...first, value: first.value.subarray(0, 100) }, second, third]],
    ['the only one is longer', [{ key: Uint8Array.of(...PREFIX, 0, 0), value: Uint8Array.of(1, 0, 0) }]],
    ['a key has no number', [{ key: Uint8Array.of(6, 0), value: Uint8Array.of(0) }]],
  ])('are refused when %s', (_name, rows) => {
    expect(() => joined(rows)).toThrow(CorruptStateRows);
  });
});
