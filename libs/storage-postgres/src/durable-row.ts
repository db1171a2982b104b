import { crc32 } from 'node:zlib';
import type { LogTail } from './log-row.js';

/** What a persist leaves in the store's row. */
export type DurableRow = { readonly currentTerm: number; readonly votedFor: string | null; readonly tail: LogTail };

/** A node id is never empty, so no vote and any vote differ. */
export function checksumOfState({ currentTerm, votedFor, tail }: DurableRow): number {
  return crc32(`${currentTerm}|${votedFor ?? ''}|${tail.lastIndex}|${tail.checksum}`);
}
