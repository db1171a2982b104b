const NO_BYTES = new Uint8Array(0);

/** Chunks on their way in, taken out again in pieces of another size. */
export class ByteQueue {
  private chunks: Uint8Array[] = [];
  private count = 0;

  get byteCount(): number {
    return this.count;
  }

  push(chunk: Uint8Array): void {
    if (chunk.byteLength === 0) return;
    this.chunks.push(chunk);
    this.count += chunk.byteLength;
  }

  /** The next bytes without taking them, possibly a view of a chunk; null while there are fewer. */
  peek(length: number): Uint8Array | null {
    if (length > this.count) return null;
    const [first = NO_BYTES] = this.chunks;
    if (first.byteLength >= length) return first.subarray(0, length);
    // In one piece from now on, so that what comes after needs no copy of its own.
    this.chunks = [joined(this.chunks, this.count)];
    return this.chunks[0]?.subarray(0, length) ?? null;
  }

  /** As `peek`, and they are gone. */
  take(length: number): Uint8Array | null {
    const bytes = this.peek(length);
    const [first] = this.chunks;
    if (bytes === null || first === undefined) return bytes;
    if (first.byteLength === length) this.chunks.shift();
    else this.chunks[0] = first.subarray(length);
    this.count -= length;
    return bytes;
  }
}

function joined(chunks: readonly Uint8Array[], byteCount: number): Uint8Array {
  const whole = new Uint8Array(byteCount);
  let offset = 0;
  for (const chunk of chunks) {
    whole.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return whole;
}
