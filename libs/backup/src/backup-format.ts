/**
 * The file of a backup. All numbers are big-endian and unsigned.
 *
 *     magic "LKBACKUP" | version u32 | frame: header | frames: rows … | frame: trailer
 *
 * A frame is `type u8 | length u32 | payload | checksum u32`. The checksum is the CRC-32 of everything from the first byte
 * of the file to the end of this payload, the checksums before it left out: so a frame that is changed, missing, moved or
 * taken from another file does not fit.
 *
 * | type | payload |
 * |---|---|
 * | 1 header  | JSON, UTF-8: `BackupHeader` |
 * | 2 rows    | whole rows, in the order of their keys over all frames: `keyLength u32, valueLength u32, key, value` |
 * | 3 trailer | number of rows u64, then the SHA-256 of every byte before this frame |
 *
 * Nothing follows the trailer. A file without one is not whole.
 */
export const BACKUP_VERSION = 1;
export const MAGIC = new TextEncoder().encode('LKBACKUP');
export const PREFIX_BYTES = MAGIC.byteLength + 4;

export const FRAME_TYPES = { header: 1, rows: 2, trailer: 3 } as const;
export const FRAME_HEAD_BYTES = 5;
export const CHECKSUM_BYTES = 4;
export const ROW_HEAD_BYTES = 8;
export const DIGEST_BYTES = 32;
export const COUNT_BYTES = 8;
export const TRAILER_BYTES = COUNT_BYTES + DIGEST_BYTES;

/** Bytes of rows after which a frame ends; a single larger row still has one of its own. */
export const MAX_FRAME_ROW_BYTES = 256 * 1024;
/** Of one row; a length above means damage. */
export const MAX_ROW_KEY_BYTES = 64 * 1024;
export const MAX_ROW_VALUE_BYTES = 64 * 1024 * 1024;
export const MAX_HEADER_BYTES = 64 * 1024;
/** The longest payload that any frame may have, so that a damaged length is not waited for. */
export const MAX_PAYLOAD_BYTES = ROW_HEAD_BYTES + MAX_ROW_KEY_BYTES + MAX_ROW_VALUE_BYTES;

/** A row of the replicated state. What the bytes mean is the business of the state machine. */
export type BackupRow = { readonly key: Uint8Array; readonly value: Uint8Array };

/** What a file that was read to its end has turned out to be. */
export type BackupSummary = {
  readonly rowCount: number;
  /** Bytes of the whole file. */
  readonly byteCount: number;
  /** SHA-256 of everything before the trailer, in hex: equal files are equal backups. */
  readonly digest: string;
};
