import { term, type HardState, type LogEntry } from '@latchkey/raft';

/** What outlives a `MemoryLogStore`: give the same disk to the next one and it is a restart. Nothing outlives the process. */
export class MemoryDisk {
  hardState: HardState = { currentTerm: term(0), votedFor: null };
  /** Consecutive, from index 1. */
  entries: LogEntry[] = [];
  /** The store that loaded last; only it may write. */
  owner: object | null = null;
}
