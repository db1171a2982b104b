import { describe, expect, it } from 'vitest';
import { MAX_STATE_ROW_KEY_BYTES, MAX_STATE_ROW_VALUE_BYTES } from './limits.js';
import type { StateRow } from './ports/checkpoint-store.js';
import { StateRowsDecoder, StateRowsEncoder, StateRowsError } from './state-rows-codec.js';

const rowOf = (key: string, value: string): StateRow => ({ key: Buffer.from(key), value: Buffer.from(value) });

const ROWS = [rowOf('a', 'one'), rowOf('', ''), rowOf('b', ''), rowOf('', 'no key'), rowOf('c'.repeat(40), 'x')];

const plain = (rows: readonly StateRow[]): string[] =>
  rows.map(({ key, value }) => `${Buffer.from(key).toString()}=${Buffer.from(value).toString()}`);

function encoded(rows: readonly StateRow[]): Uint8Array {
  const encoder = new StateRowsEncoder();
  encoder.add(rows);
  return encoder.take(Infinity);
}

function decoded(chunks: readonly Uint8Array[]): string[] {
  const decoder = new StateRowsDecoder();
  const rows = chunks.flatMap((chunk) => plain(decoder.push(chunk)));
  decoder.finish();
  return rows;
}

function headerOf(keyLength: number, valueLength: number): Uint8Array {
  const header = Buffer.alloc(8);
  header.writeUInt32BE(keyLength, 0);
  header.writeUInt32BE(valueLength, 4);
  return header;
}

describe('a stream of state rows', () => {
  it('is the same rows again, wherever it is cut into chunks', () => {
    const stream = encoded(ROWS);
    for (let size = 1; size <= stream.byteLength; size += 1) {
      const encoder = new StateRowsEncoder();
      const chunks: Uint8Array[] = [];
      for (const row of ROWS) {
        encoder.add([row]);
        while (encoder.available >= size) chunks.push(encoder.take(size));
      }
      while (encoder.available > 0) chunks.push(encoder.take(size));
      expect(Buffer.concat(chunks).equals(stream)).toBe(true);
      expect(decoded(chunks)).toEqual(plain(ROWS));
    }
  });

  it('gives a row with its last byte, not before', () => {
    const decoder = new StateRowsDecoder();
    const stream = encoded([rowOf('key', 'value')]);
    const given = Array.from(stream, (byte) => decoder.push(Uint8Array.of(byte)).length);
    expect(given).toEqual([...Array<number>(stream.byteLength - 1).fill(0), 1]);
  });

  it('of no rows is no bytes', () => {
    expect(encoded([]).byteLength).toBe(0);
    expect(decoded([new Uint8Array(0)])).toEqual([]);
  });

  it('hands out chunks that later rows do not change', () => {
    const encoder = new StateRowsEncoder();
    const value = Buffer.from('before');
    encoder.add([{ key: Buffer.from('k'), value }]);
    const chunk = encoder.take(Infinity);
    value.fill(0);
    expect(decoded([chunk])).toEqual(['k=before']);
  });
});

describe('a damaged stream of state rows', () => {
  it('that ends within a row is refused at its end', () => {
    const stream = encoded(ROWS);
    const decoder = new StateRowsDecoder();
    decoder.push(stream.subarray(0, stream.byteLength - 1));
    expect(() => decoder.finish()).toThrow(StateRowsError);
  });

  it.each([
    ['a key', MAX_STATE_ROW_KEY_BYTES + 1, 0],
    ['a value', 0, MAX_STATE_ROW_VALUE_BYTES + 1],
  ])('that announces %s above the limit is refused before any room is made for it', (_part, key, value) => {
    const header = headerOf(key, value);
    expect(() => new StateRowsDecoder().push(header)).toThrow(StateRowsError);
    const byteByByte = new StateRowsDecoder();
    expect(() => header.forEach((byte) => byteByByte.push(Uint8Array.of(byte)))).toThrow(StateRowsError);
  });

  it('is not made: a row above the limits is refused by the encoder', () => {
    const key = new Uint8Array(MAX_STATE_ROW_KEY_BYTES + 1);
    expect(() => new StateRowsEncoder().add([{ key, value: new Uint8Array(0) }])).toThrow(StateRowsError);
  });
});
