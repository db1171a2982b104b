import { MAX_STATE_ROW_KEY_BYTES, MAX_STATE_ROW_VALUE_BYTES } from './limits.js';
import type { StateRow } from './ports/checkpoint-store.js';

/**
 * The rows of a state as one stream of bytes, which is cut anywhere into chunks. A row, big-endian:
 *
 *     keyLength u32 | valueLength u32 | key | value
 */
const ROW_HEADER_BYTES = 8;

/** Bytes that are no rows, or rows that could not be sent: damage, or another version at the other end. */
export class StateRowsError extends Error {
  override readonly name = 'StateRowsError';
}

/** Rows in, chunks out. Holds what was added and not yet taken: its owner adds only when there is room. */
export class StateRowsEncoder {
  /** What each `add` has brought, in the order of the stream. */
  private parts: Uint8Array[] = [];
  /** Parts taken whole, and bytes taken of the next one. */
  private nextPart = 0;
  private offset = 0;
  private byteCount = 0;

  /** Bytes that wait to be taken. */
  get available(): number {
    return this.byteCount;
  }

  /**
   * Copies the rows into one array: with one for each header it took five times as long, and left as much garbage.
   * @throws StateRowsError for a row above the limits: the other end would refuse it
   */
  add(rows: readonly StateRow[]): void {
    const part = new Uint8Array(byteLengthOf(rows));
    const view = new DataView(part.buffer);
    let offset = 0;
    for (const { key, value } of rows) {
      view.setUint32(offset, key.byteLength);
      view.setUint32(offset + 4, value.byteLength);
      part.set(key, offset + ROW_HEADER_BYTES);
      part.set(value, offset + ROW_HEADER_BYTES + key.byteLength);
      offset += ROW_HEADER_BYTES + key.byteLength + value.byteLength;
    }
    this.parts.push(part);
    this.byteCount += part.byteLength;
  }

  /** The next bytes of the stream, at most `maxBytes` of them, in an array of their own. */
  take(maxBytes: number): Uint8Array {
    const chunk = new Uint8Array(Math.min(maxBytes, this.byteCount));
    let filled = 0;
    for (let part = this.parts[this.nextPart]; part !== undefined && filled < chunk.byteLength;) {
      const length = Math.min(chunk.byteLength - filled, part.byteLength - this.offset);
      chunk.set(part.subarray(this.offset, this.offset + length), filled);
      filled += length;
      this.offset += length;
      if (this.offset === part.byteLength) {
        this.nextPart += 1;
        this.offset = 0;
      }
      part = this.parts[this.nextPart];
    }
    this.byteCount -= chunk.byteLength;
    this.forgetTaken();
    return chunk;
  }

  private forgetTaken(): void {
    if (this.byteCount > 0 && this.nextPart * 2 < this.parts.length) return;
    this.parts = this.byteCount === 0 ? [] : this.parts.slice(this.nextPart);
    this.nextPart = 0;
    if (this.byteCount === 0) this.offset = 0;
  }
}

/** Chunks in, rows out. Holds at most the beginning of one row, which is below the limits of a row. */
export class StateRowsDecoder {
  private readonly rest = new PartialRow();

  /**
   * The rows that end in this chunk; keys and values may be views of it.
   * @throws StateRowsError when these cannot be rows
   */
  push(chunk: Uint8Array): readonly StateRow[] {
    const rows: StateRow[] = [];
    let offset = 0;
    while (offset < chunk.byteLength) {
      const whole = this.rest.isEmpty ? wholeRowAt(chunk, offset) : null;
      if (whole !== null) {
        rows.push(whole.row);
        offset = whole.end;
        continue;
      }
      offset += this.rest.fill(chunk.subarray(offset));
      const row = this.rest.takeIfComplete();
      if (row !== null) rows.push(row);
    }
    return rows;
  }

  /** @throws StateRowsError when the stream ended within a row */
  finish(): void {
    if (!this.rest.isEmpty) throw new StateRowsError('the stream of rows ends within a row');
  }
}

/** A row that is spread over chunks. */
class PartialRow {
  private bytes = new Uint8Array(ROW_HEADER_BYTES);
  private filled = 0;
  private keyLength = 0;
  private hasHeader = false;

  get isEmpty(): boolean {
    return this.filled === 0;
  }

  /** Takes what the row still needs; gives how many bytes that were. */
  fill(bytes: Uint8Array): number {
    let taken = this.copyFrom(bytes);
    if (!this.hasHeader && this.filled === ROW_HEADER_BYTES) {
      const { keyLength, valueLength } = headerAt(this.bytes, 0);
      this.keyLength = keyLength;
      const row = new Uint8Array(ROW_HEADER_BYTES + keyLength + valueLength);
      row.set(this.bytes);
      this.bytes = row;
      this.hasHeader = true;
      taken += this.copyFrom(bytes.subarray(taken));
    }
    return taken;
  }

  takeIfComplete(): StateRow | null {
    if (!this.hasHeader || this.filled < this.bytes.byteLength) return null;
    const valueOffset = ROW_HEADER_BYTES + this.keyLength;
    const row = { key: this.bytes.subarray(ROW_HEADER_BYTES, valueOffset), value: this.bytes.subarray(valueOffset) };
    this.bytes = new Uint8Array(ROW_HEADER_BYTES);
    this.filled = 0;
    this.hasHeader = false;
    return row;
  }

  private copyFrom(bytes: Uint8Array): number {
    const length = Math.min(bytes.byteLength, this.bytes.byteLength - this.filled);
    this.bytes.set(bytes.subarray(0, length), this.filled);
    this.filled += length;
    return length;
  }
}

function wholeRowAt(chunk: Uint8Array, offset: number): { readonly row: StateRow; readonly end: number } | null {
  if (chunk.byteLength - offset < ROW_HEADER_BYTES) return null;
  const { keyLength, valueLength } = headerAt(chunk, offset);
  const keyOffset = offset + ROW_HEADER_BYTES;
  const valueOffset = keyOffset + keyLength;
  const end = valueOffset + valueLength;
  if (end > chunk.byteLength) return null;
  return { row: { key: chunk.subarray(keyOffset, valueOffset), value: chunk.subarray(valueOffset, end) }, end };
}

function headerAt(bytes: Uint8Array, offset: number): { readonly keyLength: number; readonly valueLength: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset + offset, ROW_HEADER_BYTES);
  const keyLength = view.getUint32(0);
  const valueLength = view.getUint32(4);
  assertLengths(keyLength, valueLength);
  return { keyLength, valueLength };
}

function byteLengthOf(rows: readonly StateRow[]): number {
  let byteLength = 0;
  for (const { key, value } of rows) {
    assertLengths(key.byteLength, value.byteLength);
    byteLength += ROW_HEADER_BYTES + key.byteLength + value.byteLength;
  }
  return byteLength;
}

function assertLengths(keyLength: number, valueLength: number): void {
  if (keyLength > MAX_STATE_ROW_KEY_BYTES) throw new StateRowsError(`a row's key has ${keyLength} bytes`);
  if (valueLength > MAX_STATE_ROW_VALUE_BYTES) throw new StateRowsError(`a row's value has ${valueLength} bytes`);
}
