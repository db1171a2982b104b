import { logIndex, type LogIndex, type Term } from '../ids.js';
import type { LogEntry } from '../log-entry.js';
import type { LogPosition } from '../snapshot-meta.js';
import { ensure } from './raft-oracle.js';

/** A log as effects change it: as it is on a disk, or will be once all writes are done. */
export class StoredLog {
  constructor(
    public base: LogPosition,
    public entries: LogEntry[],
  ) {}

  get lastIndex(): LogIndex {
    return logIndex(this.base.index + this.entries.length);
  }

  /** Null for what is compacted, or was never there. */
  termAt(index: number): Term | null {
    if (index === this.base.index) return this.base.term;
    return this.entries[index - this.base.index - 1]?.term ?? null;
  }

  copy(): StoredLog {
    return new StoredLog(this.base, this.entries.slice());
  }

  write(write: { readonly truncateFrom: LogIndex | null; readonly entries: readonly LogEntry[] }): void {
    if (write.truncateFrom !== null) {
      ensure(write.truncateFrom > this.base.index, `compacted entries are truncated from ${write.truncateFrom} on`);
      this.entries.length = Math.min(this.entries.length, write.truncateFrom - this.base.index - 1);
    }
    const first = write.entries[0];
    ensure(
      first === undefined || first.index === this.lastIndex + 1,
      `${first?.index} written after ${this.lastIndex}`,
    );
    this.entries.push(...write.entries);
  }

  compactTo(base: LogPosition): void {
    if (base.index <= this.base.index) return;
    ensure(this.termAt(base.index) === base.term, `compacted up to ${base.index}, which is not there`);
    this.entries = this.entries.slice(base.index - this.base.index);
    this.base = base;
  }

  install(snapshot: LogPosition, keepsTail: boolean): void {
    ensure(snapshot.index > this.base.index, `a snapshot at ${snapshot.index} of what is compacted`);
    if (keepsTail) {
      this.compactTo({ index: snapshot.index, term: snapshot.term });
      return;
    }
    this.entries = [];
    this.base = { index: snapshot.index, term: snapshot.term };
  }
}
