import { BackupDamaged, checkBackup } from './backup-damaged.js';
import {
  BACKUP_VERSION,
  CHECKSUM_BYTES,
  COUNT_BYTES,
  FRAME_HEAD_BYTES,
  FRAME_TYPES,
  MAGIC,
  MAX_HEADER_BYTES,
  MAX_PAYLOAD_BYTES,
  PREFIX_BYTES,
  TRAILER_BYTES,
  type BackupRow,
  type BackupSummary,
} from './backup-format.js';
import { decodeHeader, type BackupHeader } from './backup-header.js';
import { decodeRows, isBefore } from './backup-rows.js';
import { ByteQueue } from './byte-queue.js';
import { RunningDigest } from './running-digest.js';

export type BackupPart =
  | { readonly type: 'header'; readonly header: BackupHeader }
  /** Views of what was pushed, or of copies. */
  | { readonly type: 'rows'; readonly rows: readonly BackupRow[] };

/**
 * Reads a backup from chunks that are cut anywhere. What it has given is only known to be undamaged as far as it goes:
 * that it is all of the backup says `finish`.
 */
export class BackupDecoder {
  private readonly input = new ByteQueue();
  private readonly digest = new RunningDigest();
  private next: 'prefix' | 'header' | 'rows' | 'nothing' = 'prefix';
  private rowCount = 0;
  private lastKey: Uint8Array | null = null;
  private fileDigest = '';

  /** The parts that end in this chunk. @throws BackupDamaged */
  push(chunk: Uint8Array): readonly BackupPart[] {
    this.input.push(chunk);
    const parts: BackupPart[] = [];
    if (this.next === 'prefix') this.takePrefix();
    while (this.next !== 'prefix') {
      const frame = this.takeFrame();
      if (frame === null) break;
      const part = this.partOf(frame);
      if (part !== null) parts.push(part);
    }
    return parts;
  }

  /** The file ended with the last chunk. @throws BackupDamaged when it is not whole */
  finish(): BackupSummary {
    checkBackup(this.next === 'nothing', 'it ends too early');
    return { rowCount: this.rowCount, byteCount: this.digest.byteCount, digest: this.fileDigest };
  }

  private takePrefix(): void {
    const prefix = this.input.take(PREFIX_BYTES);
    if (prefix === null) return;
    checkBackup(
      MAGIC.every((byte, index) => prefix[index] === byte),
      'this is no backup of Latchkey',
    );
    const version = viewOf(prefix).getUint32(MAGIC.byteLength);
    checkBackup(version === BACKUP_VERSION, `version ${version} of the format; this program reads ${BACKUP_VERSION}`);
    this.digest.addContent(prefix);
    this.next = 'header';
  }

  private takeFrame(): Uint8Array | null {
    if (this.next === 'nothing') {
      checkBackup(this.input.byteCount === 0, 'bytes follow after its end');
      return null;
    }
    const head = this.input.peek(FRAME_HEAD_BYTES);
    if (head === null) return null;
    const length = viewOf(head).getUint32(1);
    checkBackup(
      length <= this.maxPayloadBytes(head[0]),
      `at byte ${this.digest.byteCount}: a frame of ${length} bytes`,
    );
    return this.input.take(FRAME_HEAD_BYTES + length + CHECKSUM_BYTES);
  }

  private maxPayloadBytes(type: number | undefined): number {
    if (type === FRAME_TYPES.rows) return MAX_PAYLOAD_BYTES;
    return type === FRAME_TYPES.trailer ? TRAILER_BYTES : MAX_HEADER_BYTES;
  }

  private partOf(frame: Uint8Array): BackupPart | null {
    const place = this.digest.byteCount;
    const content = frame.subarray(0, frame.byteLength - CHECKSUM_BYTES);
    const payload = content.subarray(FRAME_HEAD_BYTES);
    const [type] = frame;
    // Of everything before this frame, which is what a trailer names.
    const before = type === FRAME_TYPES.trailer ? Buffer.from(this.digest.sha256Bytes()).toString('hex') : '';
    this.digest.addContent(content);
    const checksum = viewOf(frame).getUint32(content.byteLength);
    checkBackup(checksum === this.digest.checksum, `at byte ${place}: a checksum does not fit`);
    this.digest.addChecksum(frame.subarray(content.byteLength));
    const isExpected = (type === FRAME_TYPES.header) === (this.next === 'header');
    checkBackup(isExpected, `at byte ${place}: a frame of type ${type} where none belongs`);
    switch (type) {
      case FRAME_TYPES.header:
        this.next = 'rows';
        return { type: 'header', header: decodeHeader(payload) };
      case FRAME_TYPES.rows:
        return { type: 'rows', rows: this.rowsOf(payload) };
      case FRAME_TYPES.trailer:
        this.end(payload, before);
        return null;
      default:
        throw new BackupDamaged(`at byte ${place}: a frame of the unknown type ${type}`);
    }
  }

  private rowsOf(payload: Uint8Array): readonly BackupRow[] {
    const rows = decodeRows(payload);
    for (const { key } of rows) {
      checkBackup(this.lastKey === null || isBefore(this.lastKey, key), 'its rows are out of order');
      this.lastKey = key;
    }
    // The rest of the frame need not stay for the sake of one key.
    if (this.lastKey !== null) this.lastKey = new Uint8Array(this.lastKey);
    this.rowCount += rows.length;
    return rows;
  }

  private end(payload: Uint8Array, digest: string): void {
    checkBackup(payload.byteLength === TRAILER_BYTES, 'its trailer has another length');
    const rowCount = Number(viewOf(payload).getBigUint64(0));
    checkBackup(rowCount === this.rowCount, `it has ${this.rowCount} rows, not ${rowCount}`);
    const written = Buffer.from(payload.subarray(COUNT_BYTES)).toString('hex');
    checkBackup(written === digest, 'its SHA-256 does not fit');
    this.fileDigest = digest;
    this.next = 'nothing';
    checkBackup(this.input.byteCount === 0, 'bytes follow after its end');
  }
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
