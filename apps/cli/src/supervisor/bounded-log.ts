import { closeSync, fstatSync, openSync, renameSync, writeSync } from 'node:fs';

/** A node's log file is set aside (one older file is kept) when it reaches this size, so that a log never fills the disk. */
export const MAX_LOG_BYTES = 16 * 1024 * 1024;

/** An append-only file that never grows past a limit: the older half is in `<path>.1`. */
export class BoundedLog {
  readonly #path: string;
  readonly #maxBytes: number;
  #descriptor: number | null;
  #bytes: number;

  constructor(path: string, maxBytes: number = MAX_LOG_BYTES) {
    this.#path = path;
    this.#maxBytes = maxBytes;
    this.#descriptor = openSync(path, 'a', 0o600);
    this.#bytes = fstatSync(this.#descriptor).size;
  }

  write(chunk: Uint8Array): void {
    if (this.#descriptor === null) return;
    if (this.#bytes > 0 && this.#bytes + chunk.length > this.#maxBytes) this.#rotate(this.#descriptor);
    try {
      this.#bytes += writeSync(this.#descriptor, chunk);
    } catch {
      // A full disk must not stop the supervisor: the nodes still need it.
    }
  }

  close(): void {
    if (this.#descriptor !== null) closeSync(this.#descriptor);
    this.#descriptor = null;
  }

  #rotate(descriptor: number): void {
    closeSync(descriptor);
    renameSync(this.#path, `${this.#path}.1`);
    this.#descriptor = openSync(this.#path, 'a', 0o600);
    this.#bytes = 0;
  }
}
