import { crc32 } from 'node:zlib';
import { invariant, type HardState, type SnapshotMeta } from '@latchkey/raft';
import type { ClientBase } from 'pg';
import { assignments, readRecord, recordValues, type CheckpointRecord } from './checkpoint-record.js';
import type { DurableRow } from './durable-row.js';
import { cutAt } from './log-compaction.js';
import type { LogTail } from './log-row.js';
import { fenced, OWNER, stateValues, type RowPlace } from './log-writer.js';
import type { RowTotals } from './row-totals.js';
import { BATCH_TABLE, CHECKPOINT_TABLE } from './schema-names.js';

/** A snapshot whose rows are all in the table, as a generation of their own. */
export type StagedSnapshot = {
  readonly snapshot: SnapshotMeta;
  readonly generation: number;
  readonly totals: RowTotals;
  readonly hardState: HardState | null;
  readonly keepsTail: boolean;
};

/** What the store's row and the checkpoint's are to say afterwards. */
export type InstallationPlan = {
  readonly state: DurableRow;
  readonly record: CheckpointRecord;
  readonly keepsTail: boolean;
};

/**
 * One statement: no row of the state is touched, only the name of the generation that is the state. Entries that the new
 * base covers stay as waste for the next compaction. Store before checkpoint: the order in which a claim takes them.
 */
const INSTALL = {
  name: 'latchkey-install-1',
  text: `${OWNER},
    installed AS (
      UPDATE ${CHECKPOINT_TABLE} SET ${assignments(10)} FROM owner WHERE epoch = $1),
    dropped AS (
      DELETE FROM ${BATCH_TABLE} WHERE NOT $8::boolean AND first_index > $9::bigint AND EXISTS (SELECT FROM owner))
    SELECT ctid AS place FROM owner`,
};

/** @throws LogStoreError corrupt */
export async function planInstallation(
  client: ClientBase,
  { snapshot, generation, totals, hardState, keepsTail }: StagedSnapshot,
  before: { readonly hardState: HardState; readonly tail: LogTail },
): Promise<InstallationPlan> {
  const { record } = await readRecord(client);
  const base = { index: snapshot.index, term: snapshot.term };
  invariant(base.index >= (record.meta?.index ?? 1), `snapshot ${base.index} is older than the checkpoint`);
  invariant(!keepsTail || base.index <= before.tail.lastIndex, 'the log ends before the snapshot: no tail to keep');
  const cut = keepsTail
    ? await cutAt(client, base, record.cut)
    : // Another chain: no row of the log before can pass for a part of it.
      { lastIndex: base.index, checksum: crc32(`snapshot|${base.index}|${base.term}|${record.cut.checksum}`) };
  return {
    state: { ...(hardState ?? before.hardState), tail: keepsTail ? before.tail : cut },
    record: { meta: snapshot, generation, totals, base, cut },
    keepsTail,
  };
}

/**
 * Writes it all or nothing, in one statement and one round trip; the statement is its own transaction.
 * @returns where the store's row is now
 * @throws LogStoreError fenced; any error of the client
 */
export async function writeInstallation(
  client: ClientBase,
  { state, record, keepsTail }: InstallationPlan,
  claim: { readonly epoch: number; readonly place: RowPlace },
): Promise<RowPlace> {
  return fenced(client, claim, async (place) => {
    const owner = stateValues({ epoch: claim.epoch, state }, place);
    const values = [...owner, keepsTail, record.base.index, ...recordValues(record)];
    const { rows } = await client.query<{ readonly place: RowPlace }>({ ...INSTALL, values });
    return rows[0]?.place ?? null;
  });
}
