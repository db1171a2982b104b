import { invariant, InvariantViolation, type LogEntry } from '@latchkey/raft';
import { LogStoreError, type DurableState, type LogStore, type PersistBatch } from '@latchkey/replica';
import type { MemoryDisk, MemoryProcess } from './memory-disk.js';

/** A log store for tests and for trying out: it keeps every duty of the port except that a disk is only memory. */
export class MemoryLogStore implements LogStore {
  private readonly process: MemoryProcess;

  constructor(private readonly disk: MemoryDisk) {
    this.process = disk.join('log');
  }

  async load(): Promise<DurableState> {
    invariant(!this.process.isClosed, 'a closed store was loaded');
    this.disk.owner = this.process;
    this.disk.claim();
    if (this.disk.isDamaged) throw new LogStoreError('corrupt', 'what is on the disk is not what was written');
    const { hardState, base, entries, checkpoint } = this.disk;
    return { hardState, base, entries: copiesOf(entries), checkpoint: checkpoint?.meta ?? null };
  }

  async persist(batch: PersistBatch): Promise<void> {
    invariant(!this.process.isClosed, 'a closed store was written');
    if (this.disk.owner !== this.process) {
      throw new LogStoreError('fenced', 'another store object has loaded this disk since');
    }
    const keptCount = this.keptCount(batch);
    assertFollows(this.disk.base.index + keptCount, batch.entries);
    // Nothing below fails, so the batch is written as a whole.
    this.disk.entries.length = keptCount;
    for (const entry of copiesOf(batch.entries)) this.disk.entries.push(entry);
    if (batch.hardState !== null) this.disk.hardState = batch.hardState;
  }

  /** Ends the checkpoint store of the same process as well. */
  async close(): Promise<void> {
    this.process.isClosed = true;
  }

  private keptCount({ truncateFrom }: PersistBatch): number {
    const { base, entries } = this.disk;
    if (truncateFrom === null) return entries.length;
    invariant(truncateFrom > base.index, `entry ${truncateFrom} was to be truncated, but it is compacted`);
    return Math.min(entries.length, truncateFrom - base.index - 1);
  }
}

/** @throws InvariantViolation: a log with a hole or an overlap is a bug of the caller */
function assertFollows(lastLogIndex: number, entries: readonly LogEntry[]): void {
  entries.forEach((entry, position) => {
    const expected = lastLogIndex + 1 + position;
    if (entry.index === expected) return;
    throw new InvariantViolation(`entry ${entry.index} was appended where ${expected} follows`);
  });
}

/** A disk shares no memory with those who write and read it. One allocation for all entries together. */
function copiesOf(entries: readonly LogEntry[]): LogEntry[] {
  const byteCount = entries.reduce((sum, entry) => sum + (entry.type === 'command' ? entry.data.byteLength : 0), 0);
  const bytes = new Uint8Array(byteCount);
  let used = 0;
  return entries.map((entry) => {
    if (entry.type !== 'command') return entry;
    const data = bytes.subarray(used, used + entry.data.byteLength);
    used += data.byteLength;
    data.set(entry.data);
    return { ...entry, data };
  });
}
