/**
 * Arrays as Postgres receives them in binary. node-postgres would send them as text: hexadecimal for bytea, twice as long,
 * quoted element by element. It passes a Buffer on untouched and says that it is binary; the statement casts the parameter.
 */
const HEADER_BYTES = 20;
const LENGTH_BYTES = 4;
const BIGINT_BYTES = 8;

/** Type numbers of Postgres' catalogue, the same in every version. */
const BYTEA_TYPE = 17;
const BIGINT_TYPE = 20;

const newBytes = (size: number): Buffer => Buffer.allocUnsafe(size);

/** For a parameter `$n::bytea[]`. @param take gives what it is written into */
export function byteaArray(items: readonly Uint8Array[], take = newBytes): Buffer {
  const bytes = take(HEADER_BYTES + elementsByteLength(items));
  writeElements(bytes, writeHeader(bytes, BYTEA_TYPE, items.length), items);
  return bytes;
}

/** Elements of a longer array, which is put together by `byteaArrayOf`. */
export function byteaElements(items: readonly Uint8Array[]): Buffer {
  const bytes = Buffer.allocUnsafe(elementsByteLength(items));
  writeElements(bytes, 0, items);
  return bytes;
}

/** @param count of all elements in `parts` */
export function byteaArrayOf(parts: readonly Buffer[], count: number): Buffer {
  const header = Buffer.allocUnsafe(HEADER_BYTES);
  writeHeader(header, BYTEA_TYPE, count);
  return Buffer.concat([header, ...parts]);
}

/** For a parameter `$n::bigint[]`, of natural numbers. */
export function bigintArray(items: readonly number[]): Buffer {
  const bytes = Buffer.allocUnsafe(HEADER_BYTES + items.length * (LENGTH_BYTES + BIGINT_BYTES));
  let offset = writeHeader(bytes, BIGINT_TYPE, items.length);
  for (const item of items) {
    offset = bytes.writeInt32BE(BIGINT_BYTES, offset);
    offset = bytes.writeUInt32BE(Math.floor(item / 2 ** 32), offset);
    offset = bytes.writeUInt32BE(item % 2 ** 32, offset);
  }
  return bytes;
}

function elementsByteLength(items: readonly Uint8Array[]): number {
  let byteLength = 0;
  for (const item of items) byteLength += LENGTH_BYTES + item.byteLength;
  return byteLength;
}

function writeElements(bytes: Buffer, start: number, items: readonly Uint8Array[]): void {
  let offset = start;
  for (const item of items) {
    offset = bytes.writeInt32BE(item.byteLength, offset);
    bytes.set(item, offset);
    offset += item.byteLength;
  }
}

/** One dimension, no nulls, counted from 1. */
function writeHeader(bytes: Buffer, elementType: number, count: number): number {
  let offset = 0;
  for (const field of [1, 0, elementType, count, 1]) offset = bytes.writeInt32BE(field, offset);
  return offset;
}
