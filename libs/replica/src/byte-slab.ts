/** Bytes of one slab. Larger requests, above a quarter of it, get memory of their own. */
const SLAB_BYTES = 64 * 1024;
const LARGEST_SHARED_BYTES = SLAB_BYTES / 4;

/**
 * Gives out small byte strings as parts of larger allocations: an array buffer of its own costs microseconds, a view
 * costs a fraction of one. A slab lives as long as any of its parts, which are of one age and so end together, with the
 * log entries that they become.
 */
export class ByteSlab {
  private slab = new Uint8Array(0);
  private used = 0;

  /** Zeroed, as no part is given out twice. */
  allocate(byteCount: number): Uint8Array {
    if (byteCount > LARGEST_SHARED_BYTES) return new Uint8Array(byteCount);
    if (this.used + byteCount > this.slab.byteLength) {
      this.slab = new Uint8Array(SLAB_BYTES);
      this.used = 0;
    }
    const part = this.slab.subarray(this.used, this.used + byteCount);
    this.used += byteCount;
    return part;
  }
}
