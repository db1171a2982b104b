import { checkBackup } from './backup-damaged.js';
import { MAX_ROW_KEY_BYTES, MAX_ROW_VALUE_BYTES, ROW_HEAD_BYTES, type BackupRow } from './backup-format.js';

/** The rows of one frame, as views of it. @throws BackupDamaged */
export function decodeRows(payload: Uint8Array): readonly BackupRow[] {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const rows: BackupRow[] = [];
  let offset = 0;
  while (offset < payload.byteLength) {
    checkBackup(offset + ROW_HEAD_BYTES <= payload.byteLength, 'a row is cut off');
    const keyLength = view.getUint32(offset);
    const valueLength = view.getUint32(offset + 4);
    const areAllowed = keyLength <= MAX_ROW_KEY_BYTES && valueLength <= MAX_ROW_VALUE_BYTES;
    checkBackup(areAllowed, `a row of ${keyLength} and ${valueLength} bytes`);
    const keyOffset = offset + ROW_HEAD_BYTES;
    const valueOffset = keyOffset + keyLength;
    offset = valueOffset + valueLength;
    checkBackup(offset <= payload.byteLength, 'a row is cut off');
    rows.push({ key: payload.subarray(keyOffset, valueOffset), value: payload.subarray(valueOffset, offset) });
  }
  return rows;
}

/** In the order of bytes. */
export function isBefore(left: Uint8Array, right: Uint8Array): boolean {
  return Buffer.compare(left, right) < 0;
}
