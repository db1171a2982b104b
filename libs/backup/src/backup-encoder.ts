import { checkBackup } from './backup-damaged.js';
import {
  BACKUP_VERSION,
  CHECKSUM_BYTES,
  COUNT_BYTES,
  FRAME_HEAD_BYTES,
  FRAME_TYPES,
  MAGIC,
  MAX_FRAME_ROW_BYTES,
  MAX_HEADER_BYTES,
  MAX_ROW_KEY_BYTES,
  MAX_ROW_VALUE_BYTES,
  PREFIX_BYTES,
  ROW_HEAD_BYTES,
  TRAILER_BYTES,
  type BackupRow,
} from './backup-format.js';
import { encodeHeader, type BackupHeader } from './backup-header.js';
import { RunningDigest } from './running-digest.js';

/** Makes the bytes of a backup, piece by piece: `begin`, then `rows` as often as needed, then `end`. Keeps none of them. */
export class BackupEncoder {
  private readonly digest = new RunningDigest();
  private rowCount = 0;

  begin(header: BackupHeader): Uint8Array {
    const encoded = encodeHeader(header);
    checkBackup(encoded.byteLength <= MAX_HEADER_BYTES, `a header of ${encoded.byteLength} bytes`);
    const prefix = new Uint8Array(PREFIX_BYTES);
    prefix.set(MAGIC);
    new DataView(prefix.buffer).setUint32(MAGIC.byteLength, BACKUP_VERSION);
    this.digest.addContent(prefix);
    const frame = this.frame(FRAME_TYPES.header, encoded.byteLength, (payload) => payload.set(encoded));
    return concatenated([prefix, frame]);
  }

  /**
   * One frame after the other, each made when it is asked for. Rows follow, in the order of their keys, on those before.
   * @throws BackupDamaged for a row above the limits, which could not be read again
   */
  *rows(rows: readonly BackupRow[]): IterableIterator<Uint8Array> {
    let start = 0;
    while (start < rows.length) {
      let end = start;
      let byteCount = 0;
      for (let row = rows[end]; row !== undefined; row = rows[end]) {
        const rowBytes = sizeOf(row);
        if (end > start && byteCount + rowBytes > MAX_FRAME_ROW_BYTES) break;
        byteCount += rowBytes;
        end += 1;
      }
      yield this.rowsFrame(rows.slice(start, end), byteCount);
      start = end;
    }
  }

  end(): Uint8Array {
    const digest = this.digest.sha256Bytes();
    return this.frame(FRAME_TYPES.trailer, TRAILER_BYTES, (payload, view) => {
      view.setBigUint64(0, BigInt(this.rowCount));
      payload.set(digest, COUNT_BYTES);
    });
  }

  private rowsFrame(rows: readonly BackupRow[], byteCount: number): Uint8Array {
    this.rowCount += rows.length;
    return this.frame(FRAME_TYPES.rows, byteCount, (payload, view) => {
      let offset = 0;
      for (const { key, value } of rows) {
        view.setUint32(offset, key.byteLength);
        view.setUint32(offset + 4, value.byteLength);
        payload.set(key, offset + ROW_HEAD_BYTES);
        payload.set(value, offset + ROW_HEAD_BYTES + key.byteLength);
        offset += sizeOf({ key, value });
      }
    });
  }

  private frame(type: number, length: number, fill: (payload: Uint8Array, view: DataView) => void): Uint8Array {
    const bytes = new Uint8Array(FRAME_HEAD_BYTES + length + CHECKSUM_BYTES);
    const view = new DataView(bytes.buffer);
    view.setUint8(0, type);
    view.setUint32(1, length);
    fill(
      bytes.subarray(FRAME_HEAD_BYTES, FRAME_HEAD_BYTES + length),
      new DataView(bytes.buffer, FRAME_HEAD_BYTES, length),
    );
    this.digest.addContent(bytes.subarray(0, FRAME_HEAD_BYTES + length));
    view.setUint32(FRAME_HEAD_BYTES + length, this.digest.checksum);
    this.digest.addChecksum(bytes.subarray(FRAME_HEAD_BYTES + length));
    return bytes;
  }
}

function sizeOf({ key, value }: BackupRow): number {
  checkBackup(key.byteLength <= MAX_ROW_KEY_BYTES, `a row's key has ${key.byteLength} bytes`);
  checkBackup(value.byteLength <= MAX_ROW_VALUE_BYTES, `a row's value has ${value.byteLength} bytes`);
  return ROW_HEAD_BYTES + key.byteLength + value.byteLength;
}

function concatenated(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.byteLength;
  }
  return whole;
}
