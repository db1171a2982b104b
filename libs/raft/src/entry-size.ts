import type { LogEntry } from './log-entry.js';

/** What an entry costs besides its data; keeps a flood of empty entries within the byte limits too. */
export const ENTRY_OVERHEAD_BYTES = 16;

/** Bytes by which all limits of the core count an entry; close to its size in a message and in memory, not equal. */
export function entrySizeBytes(entry: LogEntry): number {
  return ENTRY_OVERHEAD_BYTES + (entry.type === 'command' ? entry.data.byteLength : 0);
}
