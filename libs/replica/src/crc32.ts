/** CRC-32 of IEEE 802.3, reflected: the one of zlib, gzip and PNG. Written here because this lib uses no built-ins of Node. */
const POLYNOMIAL = 0xedb88320;
const BYTES_PER_STEP = 4;
const BYTE_VALUES = 256;

/** `TABLES[n][b]`: what the byte `b` adds when n more bytes of the same step follow it. */
const TABLES = createTables();

/**
 * @param previous the checksum of the bytes before these; 0 at the beginning
 * @returns as an unsigned number
 */
export function crc32(bytes: Uint8Array, previous = 0): number {
  const [table0, table1, table2, table3] = TABLES;
  let crc = ~previous;
  let offset = 0;
  // Four bytes at a time: the tables spare three of four dependent steps.
  for (const end = bytes.length - BYTES_PER_STEP; offset <= end; offset += BYTES_PER_STEP) {
    crc ^=
      at(bytes, offset) | (at(bytes, offset + 1) << 8) | (at(bytes, offset + 2) << 16) | (at(bytes, offset + 3) << 24);
    crc =
      at(table3, crc & 0xff) ^
      at(table2, (crc >>> 8) & 0xff) ^
      at(table1, (crc >>> 16) & 0xff) ^
      at(table0, crc >>> 24);
  }
  for (; offset < bytes.length; offset += 1) crc = at(table0, (crc ^ at(bytes, offset)) & 0xff) ^ (crc >>> 8);
  return ~crc >>> 0;
}

function createTables(): readonly [Int32Array, Int32Array, Int32Array, Int32Array] {
  const first = new Int32Array(BYTE_VALUES);
  for (let byte = 0; byte < BYTE_VALUES; byte += 1) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc & 1) === 0 ? crc >>> 1 : (crc >>> 1) ^ POLYNOMIAL;
    first[byte] = crc;
  }
  const next = (table: Int32Array): Int32Array => table.map((crc) => (crc >>> 8) ^ at(first, crc & 0xff));
  const second = next(first);
  const third = next(second);
  return [first, second, third, next(third)];
}

/** Of a position that is within the array. */
function at(array: Uint8Array | Int32Array, position: number): number {
  return array[position] ?? 0;
}
