import { invariant, type LogPosition } from '@latchkey/raft';
import type { ClientBase } from 'pg';
import { updateRecord, type Writer } from './checkpoint-save.js';
import { readRecord } from './checkpoint-record.js';
import { readRowBefore } from './log-reader.js';
import { entriesOf, type LogTail } from './log-row.js';

/**
 * Where the chain of rows can be cut so that everything behind entry `index` stays: at that entry, or in front of the row
 * that it shares with later ones.
 * @throws LogStoreError corrupt
 */
export async function cutAt(client: ClientBase, { index, term }: LogPosition, before: LogTail): Promise<LogTail> {
  const row = await readRowBefore(client, index + 1);
  if (row === null || row.firstIndex <= before.lastIndex) return before;
  const entry = entriesOf(row)[index - row.firstIndex];
  invariant(entry === undefined || entry.term === term, `entry ${index} is of term ${entry?.term}, not ${term}`);
  if (row.lastIndex <= index) return { lastIndex: row.lastIndex, checksum: row.checksum };
  return { lastIndex: row.firstIndex - 1, checksum: row.previousChecksum };
}

/**
 * Moves the base, in one statement. From then on the rows up to the cut are waste, whoever empties their segments.
 * @returns where the waste ends
 * @throws LogStoreError
 */
export async function moveBase(client: ClientBase, base: LogPosition, writer: Writer): Promise<number> {
  const { record } = await readRecord(client);
  const checkpointIndex = record.meta?.index ?? 0;
  invariant(base.index <= checkpointIndex, `entry ${base.index} is not checkpointed: it cannot be compacted`);
  if (base.index <= record.base.index) {
    // Nothing to write; but one that is fenced shall hear of it.
    await updateRecord(client, record, writer);
    return record.cut.lastIndex;
  }
  const cut = await cutAt(client, base, record.cut);
  await updateRecord(client, { ...record, base, cut }, writer);
  return cut.lastIndex;
}
