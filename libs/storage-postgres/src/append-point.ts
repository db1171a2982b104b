import { invariant, type LogEntry, type LogIndex } from '@latchkey/raft';
import type { ClientBase } from 'pg';
import { readRecord } from './checkpoint-record.js';
import { readRowBefore } from './log-reader.js';
import { entriesOf, type LogTail } from './log-row.js';

/** Where an append stands: the log ends at `tail` once the rows from `dropFrom` on are gone. */
export type AppendPoint = {
  readonly tail: LogTail;
  readonly dropFrom: number | null;
  /** Entries of a row that is cut inside: they are written anew, since rows never change. */
  readonly kept: readonly LogEntry[];
};

/**
 * @throws LogStoreError corrupt
 * @throws InvariantViolation for a truncation of what is compacted
 */
export async function appendPointAt(
  client: ClientBase,
  tail: LogTail,
  truncateFrom: LogIndex | null,
): Promise<AppendPoint> {
  if (truncateFrom === null || truncateFrom > tail.lastIndex) return { tail, dropFrom: null, kept: [] };
  const row = await readRowBefore(client, truncateFrom);
  // Read after the row, since compaction goes on meanwhile: it moves the cut first and drops the rows then.
  const { base, cut } = (await readRecord(client)).record;
  invariant(truncateFrom > base.index, `entry ${truncateFrom} was to be truncated, but it is compacted`);
  if (row === null || row.firstIndex <= cut.lastIndex) return { tail: cut, dropFrom: truncateFrom, kept: [] };
  if (row.lastIndex < truncateFrom) {
    return { tail: { lastIndex: row.lastIndex, checksum: row.checksum }, dropFrom: truncateFrom, kept: [] };
  }
  return {
    tail: { lastIndex: row.firstIndex - 1, checksum: row.previousChecksum },
    dropFrom: row.firstIndex,
    kept: entriesOf(row).slice(0, truncateFrom - row.firstIndex),
  };
}
