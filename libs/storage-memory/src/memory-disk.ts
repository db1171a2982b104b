import { logIndex, term, type HardState, type LogEntry, type LogPosition, type SnapshotMeta } from '@latchkey/raft';
import type { StateRow } from '@latchkey/replica';

/** The stores of one process on a disk: they are fenced together and end together. */
export class MemoryProcess {
  isClosed = false;
  readonly parts = new Set<'log' | 'checkpoints'>();
}

/** By key, written one byte to a character: a string that sorts as the bytes do. */
export type RowsByKey = Map<string, StateRow>;

/** What outlives the stores: give the same disk to the next ones and it is a restart. Nothing outlives the process. */
export class MemoryDisk {
  hardState: HardState = { currentTerm: term(0), votedFor: null };
  /** The last entry that the log no longer holds. */
  base: LogPosition = { index: logIndex(0), term: term(0) };
  /** Consecutive, from `base.index` + 1. */
  entries: LogEntry[] = [];
  checkpoint: { readonly meta: SnapshotMeta; readonly rows: RowsByKey } | null = null;
  /** The process that loaded last; only it may write. */
  owner: MemoryProcess | null = null;
  private newestProcess = new MemoryProcess();

  /** A log store and a checkpoint store made one after the other, in either order, are of the same process. */
  join(part: 'log' | 'checkpoints'): MemoryProcess {
    if (this.newestProcess.parts.has(part)) this.newestProcess = new MemoryProcess();
    this.newestProcess.parts.add(part);
    return this.newestProcess;
  }
}
