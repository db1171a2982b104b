import { createHash, type Hash } from 'node:crypto';
import { crc32 } from 'node:zlib';

/** The two checksums of a file that is written or read from its beginning on. */
export class RunningDigest {
  private readonly sha256: Hash = createHash('sha256');
  private chained = 0;
  private count = 0;

  /** Bytes seen so far. */
  get byteCount(): number {
    return this.count;
  }

  /** CRC-32 of the content so far. */
  get checksum(): number {
    return this.chained;
  }

  /** Bytes of the file that the CRC covers as well. */
  addContent(bytes: Uint8Array): void {
    this.chained = crc32(bytes, this.chained);
    this.addChecksum(bytes);
  }

  /** Bytes of the file that are themselves a checksum. */
  addChecksum(bytes: Uint8Array): void {
    this.sha256.update(bytes);
    this.count += bytes.byteLength;
  }

  /** Of everything so far; it can go on afterwards. */
  sha256Bytes(): Uint8Array {
    return this.sha256.copy().digest();
  }
}
