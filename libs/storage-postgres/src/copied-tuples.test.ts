import { LogStoreError } from '@latchkey/replica';
import { describe, expect, it } from 'vitest';
import { CopiedTuples } from './copied-tuples.js';

const HEADER = Buffer.concat([Buffer.from('PGCOPY\n\u00ff\r\n\0', 'latin1'), Buffer.alloc(8)]);
const END = Buffer.of(0xff, 0xff);
const BYTEA = 17;
const BIGINT = 20;

function field(...parts: readonly Buffer[]): Buffer {
  const bytes = Buffer.concat(parts);
  return Buffer.concat([int32(bytes.length), bytes]);
}

function int32(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [place, value] of values.entries()) bytes.writeInt32BE(value, 4 * place);
  return bytes;
}

function bigint(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(value);
  return bytes;
}

const text = (value: string): Buffer => field(Buffer.from(value));

/** A key, two checksums and two values, as the server sends them. */
const TUPLE = Buffer.concat([
  Buffer.of(0, 3),
  text('key'),
  field(int32(1, 0, BIGINT, 2, 1), field(bigint(7n)), field(bigint(2n ** 40n))),
  field(int32(1, 0, BYTEA, 2, 1), text('one'), text('')),
]);

type Tuple = { readonly key: string; readonly checksums: readonly number[]; readonly values: readonly string[] };

function read(bytes: Buffer): readonly Tuple[] {
  const tuples = new CopiedTuples(bytes, 'a_table');
  const found: Tuple[] = [];
  while (tuples.next(3)) {
    const key = tuples.readBytes().toString();
    const checksums = Array.from({ length: tuples.readArrayLength() }, () => tuples.readBigint());
    const values = Array.from({ length: tuples.readArrayLength() }, () => tuples.readBytes().toString());
    found.push({ key, checksums, values });
  }
  return found;
}

const VALUE: Tuple = { key: 'key', checksums: [7, 2 ** 40], values: ['one', ''] };

describe('tuples of a binary COPY', () => {
  it('are read field by field, until the end that the server marks', () => {
    expect(read(Buffer.concat([HEADER, END]))).toEqual([]);
    expect(read(Buffer.concat([HEADER, TUPLE, TUPLE, END]))).toEqual([VALUE, VALUE]);
  });

  it('may stand behind an extension of the header, which is skipped', () => {
    const extended = Buffer.concat([HEADER.subarray(0, -4), int32(3), Buffer.from('new'), TUPLE, END]);
    expect(read(extended)).toEqual([VALUE]);
  });

  it('may hold an array of nothing, which has no dimension', () => {
    const empty = Buffer.concat([Buffer.of(0, 3), text('key'), field(int32(0, 0, BIGINT)), field(int32(0, 0, BYTEA))]);
    expect(read(Buffer.concat([HEADER, empty, END]))).toEqual([{ key: 'key', checksums: [], values: [] }]);
  });

  it('that end anywhere before the end are damaged', () => {
    const whole = Buffer.concat([HEADER, TUPLE, END]);
    for (let length = 0; length < whole.length; length += 1) {
      expect(() => read(whole.subarray(0, length)), `${length} bytes`).toThrow(LogStoreError);
    }
  });

  it.each([
    ['other fields', Buffer.concat([Buffer.of(0, 1), text('key')]), /1 fields instead of 3/],
    ['a null', Buffer.concat([Buffer.of(0, 3), int32(-1)]), /a row of a_table is damaged: a part of it is missing/],
    ['a table', Buffer.concat([Buffer.of(0, 3), text('key'), field(int32(2, 0, BIGINT, 1, 1, 1, 1))]), /2 dimensions/],
    [
      'a negative number',
      Buffer.concat([Buffer.of(0, 3), text('key'), field(int32(1, 0, BIGINT, 1, 1), field(bigint(-1n)))]),
      /the number -1/,
    ],
    [
      'a number of another length',
      Buffer.concat([Buffer.of(0, 3), text('key'), field(int32(1, 0, BIGINT, 1, 1), field(int32(1)))]),
      /another length/,
    ],
  ])('with %s are damaged', (_what, tuple, message) => {
    expect(() => read(Buffer.concat([HEADER, tuple, END]))).toThrow(message);
  });
});
