import { logIndex, term, type HardState, type LogEntry, type LogIndex, type Term } from '@latchkey/raft';
import type { PersistBatch } from '@latchkey/replica';
import { CHAIN_START, chained } from './entry-chain.js';

/** What one change of a disk was. */
export type DiskWrite = {
  readonly before: HardState;
  readonly after: HardState;
  /** The first index that was there and was taken away; null when nothing was. */
  readonly removedFrom: LogIndex | null;
  /** The entries that were taken away, as their chains; the first one stood at `removedFrom`. */
  readonly removedChains: readonly number[];
  readonly appended: readonly LogEntry[];
};

/** The durable state of one node: what a restart starts from. Shares no memory with those who write and read it. */
export class DiskImage {
  hardState: HardState = { currentTerm: term(0), votedFor: null };
  private readonly entries: LogEntry[] = [];
  private readonly chains: number[] = [];

  get lastIndex(): LogIndex {
    return logIndex(this.entries.length);
  }

  termAt(index: number): Term | null {
    return this.entries[index - 1]?.term ?? null;
  }

  /** See `chained`; null where there is no entry. */
  chainAt(index: number): number | null {
    if (index === 0) return CHAIN_START;
    return this.chains[index - 1] ?? null;
  }

  copyOfEntries(): LogEntry[] {
    return this.entries.map(copyOf);
  }

  write(batch: PersistBatch): DiskWrite {
    const before = this.hardState;
    const kept =
      batch.truncateFrom === null ? this.entries.length : Math.min(this.entries.length, batch.truncateFrom - 1);
    const removedFrom = kept < this.entries.length ? logIndex(kept + 1) : null;
    const removedChains = this.chains.slice(kept);
    this.entries.length = kept;
    this.chains.length = kept;
    if (batch.hardState !== null) this.hardState = batch.hardState;
    for (const entry of batch.entries) {
      this.chains.push(chained(this.chains.at(-1) ?? CHAIN_START, entry));
      this.entries.push(copyOf(entry));
    }
    return { before, after: this.hardState, removedFrom, removedChains, appended: batch.entries };
  }
}

function copyOf(entry: LogEntry): LogEntry {
  return entry.type === 'command' ? { ...entry, data: entry.data.slice() } : entry;
}
