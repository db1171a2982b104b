/** More than a row usually has (`MAX_ROW_BYTES`). */
export const MAX_KEPT_ROW_BYTES = 512 * 1024;

/**
 * Where the rows of one write are encoded, one write after the other in the same place: they are copied into the statement, and
 * nobody needs them afterwards. Why not a new buffer for each: see `StatementBytes`.
 */
export class RowBytes {
  private kept = Buffer.alloc(0);
  private used = 0;

  /** What was taken before may be written over from now on. */
  begin(): void {
    this.used = 0;
  }

  take(size: number): Buffer {
    if (this.used === 0 && size > this.kept.length && size <= MAX_KEPT_ROW_BYTES) {
      this.kept = Buffer.allocUnsafeSlow(Math.min(MAX_KEPT_ROW_BYTES, 2 * size));
    }
    if (size > this.kept.length - this.used) return Buffer.allocUnsafe(size);
    this.used += size;
    return this.kept.subarray(this.used - size, this.used);
  }
}
