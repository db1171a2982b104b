/** A parameter as it travels: text, or bytes in binary. */
export type StatementValue = Buffer | string | null;

const INITIAL_BYTES = 64 * 1024;
/** A longer statement gets bytes of its own, which nobody keeps. */
export const MAX_KEPT_BYTES = 1024 * 1024;

const BIND = 0x42;
const FORMAT = { text: 0, binary: 1 } as const;
const NULL_LENGTH = -1;
/** Bytes of a message before its content: type and length. */
const HEADER_BYTES = 5;
const INT16_BYTES = 2;
const INT32_BYTES = 4;
/** Of the whole answer, then Sync: end of the transaction. */
const EXECUTE_AND_SYNC = Buffer.from([0x45, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0x53, 0, 0, 0, 4]);

/**
 * Where the statements of one connection are written before they leave. A new buffer for each would be as long as what it
 * carries, and V8 collects its whole heap for every 64 MiB of those: docs/performance.md. Source: PostgreSQL, "Frontend/Backend
 * Protocol", 55.7 Message Formats.
 */
export class StatementBytes {
  private kept = Buffer.alloc(0);

  /**
   * Bind, Execute and Sync of a statement that the server knows by `name`. They hold until the next call, which must wait until
   * the server has answered this one: then all of it has left.
   */
  write(name: string, values: readonly StatementValue[]): Buffer {
    const size = sizeOf(name, values);
    const bytes = this.roomFor(size);
    let at = HEADER_BYTES;
    // The portal without a name.
    bytes[at++] = 0;
    at = writeText(bytes, at, name);
    bytes[at++] = 0;
    at = bytes.writeInt16BE(values.length, at);
    for (const value of values) at = bytes.writeInt16BE(Buffer.isBuffer(value) ? FORMAT.binary : FORMAT.text, at);
    at = bytes.writeInt16BE(values.length, at);
    for (const value of values) at = writeValue(bytes, at, value);
    // All columns of the answer in one format.
    at = bytes.writeInt16BE(1, at);
    at = bytes.writeInt16BE(FORMAT.text, at);
    bytes[0] = BIND;
    bytes.writeInt32BE(at - 1, 1);
    bytes.set(EXECUTE_AND_SYNC, at);
    return bytes.subarray(0, size);
  }

  private roomFor(size: number): Buffer {
    if (size > MAX_KEPT_BYTES) return Buffer.allocUnsafeSlow(size);
    if (size > this.kept.length) {
      this.kept = Buffer.allocUnsafeSlow(Math.min(MAX_KEPT_BYTES, Math.max(INITIAL_BYTES, 2 * size)));
    }
    return this.kept;
  }
}

function sizeOf(name: string, values: readonly StatementValue[]): number {
  let size = HEADER_BYTES + 1 + Buffer.byteLength(name) + 1 + EXECUTE_AND_SYNC.length;
  size += 2 * INT16_BYTES + (INT16_BYTES + INT32_BYTES) * values.length + 2 * INT16_BYTES;
  for (const value of values) size += value === null ? 0 : Buffer.byteLength(value);
  return size;
}

function writeValue(bytes: Buffer, at: number, value: StatementValue): number {
  if (value === null) return bytes.writeInt32BE(NULL_LENGTH, at);
  const start = at + INT32_BYTES;
  let end: number;
  if (typeof value === 'string') end = writeText(bytes, start, value);
  else {
    bytes.set(value, start);
    end = start + value.length;
  }
  bytes.writeInt32BE(end - start, at);
  return end;
}

const writeText = (bytes: Buffer, at: number, text: string): number => at + bytes.write(text, at, 'utf8');
