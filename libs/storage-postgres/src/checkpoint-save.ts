import { invariant } from '@latchkey/raft';
import { LogStoreError, type Checkpoint } from '@latchkey/replica';
import type { ClientBase } from 'pg';
import { assignments, readRecord, recordValues, type CheckpointRecord } from './checkpoint-record.js';
import { batchesOf, pagesFrom } from './row-batches.js';
import { RowWriter } from './row-writer.js';
import { safeIntegerFrom } from './safe-integer.js';
import { CHECKPOINT_TABLE, STORE_TABLE } from './schema-names.js';

/** Who writes: the number of the claim, and the store object that made it. */
export type Writer = { readonly epoch: number; readonly owner: string };

const FENCED_UPDATE = {
  name: 'latchkey-checkpoint-update-1',
  text: `UPDATE ${CHECKPOINT_TABLE} SET ${assignments(2)} WHERE epoch = $1`,
};

/** Everything of a save between BEGIN and COMMIT. @returns how many rows have left pages */
export async function writeCheckpoint(
  client: ClientBase,
  { meta, changes }: Checkpoint,
  writer: Writer,
): Promise<number> {
  const { record } = await readRecord(client);
  invariant(meta.index >= (record.meta?.index ?? 1), `checkpoint ${meta.index} is older than the one there`);
  const place = { generation: record.generation, epoch: writer.epoch };
  const writing = new RowWriter(client, place, record.totals);
  for (const batch of batchesOf(pagesFrom(changes))) {
    if (!(await writing.write(batch))) throw await refusalOf(client, writer);
  }
  const { totals, sweptCount } = await writing.finish();
  // Read late, and not locked: the log is never truncated to before what is applied, so it can only have grown since.
  const { rows } = await client.query<{ readonly last_index: string }>(`SELECT last_index FROM ${STORE_TABLE}`);
  const lastIndex = safeIntegerFrom(rows[0]?.last_index, 'the last index');
  invariant(meta.index <= lastIndex, `checkpoint ${meta.index} is beyond the end of the log, ${lastIndex}`);
  await updateRecord(client, { ...record, meta, totals }, writer);
  return sweptCount;
}

/**
 * The fence of everything but the log: a claim changes the row's epoch, and waits for whoever has updated the row. It comes
 * last in a transaction, so that a process that hangs in the middle keeps no newcomer out; and persists never touch the
 * row, so that they and checkpoints do not wait for each other.
 * @throws LogStoreError fenced
 */
export async function updateRecord(client: ClientBase, record: CheckpointRecord, writer: Writer): Promise<void> {
  const values = [writer.epoch, ...recordValues(record)];
  const { rowCount } = await client.query({ ...FENCED_UPDATE, values });
  if (rowCount !== 1) throw await refusalOf(client, writer);
}

/** Why a claim is not the last one any more: another process took the store, or this one is loading it again. */
export async function refusalOf(client: ClientBase, { owner }: Writer): Promise<LogStoreError> {
  const { rows } = await client.query<{ readonly owner: string | null }>(`SELECT owner FROM ${STORE_TABLE}`);
  return rows[0]?.owner === owner
    ? new LogStoreError('unavailable', 'the store was loaded again meanwhile')
    : new LogStoreError('fenced', 'another process has claimed the database since');
}
