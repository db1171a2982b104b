import { LogStoreError } from '@latchkey/replica';

/** `PGCOPY`, and what makes it notice conversions of text. */
const SIGNATURE = Buffer.from('PGCOPY\n\u00ff\r\n\0', 'latin1');
const FLAGS_BYTES = 4;
const NUMBER_BYTES = 4;
const COUNT_BYTES = 2;
const BIGINT_BYTES = 8;
const END = -1;

/** Tuples of a binary COPY, from front to back, field by field. Bytes that it gives are views. Throws `corrupt` rather than go past the end. */
export class CopiedTuples {
  private offset: number;

  /** @param table for the words of an error */
  constructor(
    private readonly bytes: Buffer,
    private readonly table: string,
  ) {
    if (!bytes.subarray(0, SIGNATURE.length).equals(SIGNATURE)) throw this.malformed('its beginning is another');
    this.offset = SIGNATURE.length + FLAGS_BYTES;
    const extensionBytes = this.readLength();
    this.offset += extensionBytes;
  }

  /** Goes to the first field of the next tuple; false behind the last one. */
  next(fieldCount: number): boolean {
    this.need(COUNT_BYTES);
    const count = this.bytes.readInt16BE(this.offset);
    this.offset += COUNT_BYTES;
    if (count === END) return false;
    if (count !== fieldCount) throw this.malformed(`${count} fields instead of ${fieldCount}`);
    return true;
  }

  readBytes(): Buffer {
    const byteLength = this.readLength();
    this.need(byteLength);
    const start = this.offset;
    this.offset += byteLength;
    return this.bytes.subarray(start, this.offset);
  }

  /** Of a natural number. */
  readBigint(): number {
    if (this.readLength() !== BIGINT_BYTES) throw this.malformed('a number has another length');
    this.need(BIGINT_BYTES);
    const value = this.bytes.readInt32BE(this.offset) * 2 ** 32 + this.bytes.readUInt32BE(this.offset + NUMBER_BYTES);
    if (!Number.isSafeInteger(value) || value < 0) throw this.malformed(`the number ${value}`);
    this.offset += BIGINT_BYTES;
    return value;
  }

  /** How many elements an array has: they are to be read next, one by one. */
  readArrayLength(): number {
    this.readLength();
    const dimensions = this.readNumber();
    // Whether it has nulls, which reading them finds out, and what it is an array of, which the query says.
    this.readNumber();
    this.readNumber();
    if (dimensions === 0) return 0;
    if (dimensions !== 1) throw this.malformed(`an array of ${dimensions} dimensions`);
    const count = this.readNumber();
    // Where it begins to count.
    this.readNumber();
    return count;
  }

  /** Of what follows. Null has a negative one. */
  private readLength(): number {
    const byteLength = this.readNumber();
    if (byteLength < 0) throw this.malformed('a part of it is missing');
    return byteLength;
  }

  private readNumber(): number {
    this.need(NUMBER_BYTES);
    const value = this.bytes.readInt32BE(this.offset);
    this.offset += NUMBER_BYTES;
    return value;
  }

  private need(byteLength: number): void {
    if (this.offset + byteLength > this.bytes.length) throw this.malformed('it ends too early');
  }

  private malformed(how: string): LogStoreError {
    return new LogStoreError('corrupt', `a row of ${this.table} is damaged: ${how}`);
  }
}
