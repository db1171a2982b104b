import { crc32 } from 'node:zlib';
import { logIndex, term, type LogPosition, type SnapshotMeta } from '@latchkey/raft';
import { LogStoreError } from '@latchkey/replica';
import type { ClientBase } from 'pg';
import type { LogTail } from './log-row.js';
import { decodeMembership, encodeMembership } from './membership-codec.js';
import type { RowTotals } from './row-totals.js';
import { safeIntegerFrom } from './safe-integer.js';
import { CHECKPOINT_TABLE } from './schema-names.js';

/** The one row that says which rows are the applied state, and where the log begins. */
export type CheckpointRecord = {
  /** Null: nothing was checkpointed yet. */
  readonly meta: SnapshotMeta | null;
  /** The state's rows are those of this generation; others are on their way in or out. */
  readonly generation: number;
  readonly totals: RowTotals;
  readonly base: LogPosition;
  /**
   * The end of the last log row that is not needed any more, at `base` or before: a row holds a batch, and is kept as long
   * as one of its entries is. The chain of checksums begins here; rows that begin at or before it are waste.
   */
  readonly cut: LogTail;
};

type RecordColumns = {
  readonly epoch: string;
  readonly snapshot_index: string;
  readonly snapshot_term: string;
  readonly membership: Buffer | null;
  readonly generation: string;
  readonly row_count: string;
  readonly row_sum: string;
  readonly base_index: string;
  readonly base_term: string;
  readonly cut_index: string;
  readonly cut_checksum: string;
  readonly checksum: string;
};

const COLUMNS = [
  'snapshot_index',
  'snapshot_term',
  'membership',
  'generation',
  'row_count',
  'row_sum',
  'base_index',
  'base_term',
  'cut_index',
  'cut_checksum',
  'checksum',
] as const;

/** @throws LogStoreError corrupt */
export async function readRecord(
  client: ClientBase,
): Promise<{ readonly epoch: number; readonly record: CheckpointRecord }> {
  const { rows } = await client.query<RecordColumns>({
    name: 'latchkey-checkpoint-1',
    text: `SELECT epoch, ${COLUMNS.join(', ')} FROM ${CHECKPOINT_TABLE}`,
  });
  const columns = rows[0];
  if (columns === undefined) throw new LogStoreError('corrupt', `${CHECKPOINT_TABLE} has lost its row`);
  const number = (column: Exclude<keyof RecordColumns, 'membership'>) =>
    safeIntegerFrom(columns[column], `${column} of ${CHECKPOINT_TABLE}`);
  const values = COLUMNS.map((column) => (column === 'membership' ? columns.membership : number(column)));
  if (checksumOf(values.slice(0, -1)) !== values.at(-1)) {
    throw new LogStoreError('corrupt', `the row of ${CHECKPOINT_TABLE} is damaged: its checksum does not fit`);
  }
  return { epoch: number('epoch'), record: recordFrom(number, columns.membership) };
}

function recordFrom(
  number: (column: Exclude<keyof RecordColumns, 'membership'>) => number,
  membership: Buffer | null,
): CheckpointRecord {
  const place = { index: logIndex(number('snapshot_index')), term: term(number('snapshot_term')) };
  return {
    meta: membership === null ? null : { ...place, membership: decodeMembership(membership) },
    generation: number('generation'),
    totals: { count: number('row_count'), sum: number('row_sum') },
    base: { index: logIndex(number('base_index')), term: term(number('base_term')) },
    cut: { lastIndex: number('cut_index'), checksum: number('cut_checksum') },
  };
}

/** Parameters for `assignments`. */
export function recordValues({ meta, generation, totals, base, cut }: CheckpointRecord): unknown[] {
  const values = [
    meta?.index ?? 0,
    meta?.term ?? 0,
    meta === null ? null : encodeMembership(meta.membership),
    generation,
    totals.count,
    totals.sum,
    base.index,
    base.term,
    cut.lastIndex,
    cut.checksum,
  ];
  return [...values, checksumOf(values)];
}

/** The SET clause of an UPDATE whose parameters from `first` on are `recordValues`. */
export function assignments(first: number): string {
  return COLUMNS.map((column, position) => `${column} = $${first + position}`).join(', ');
}

/** A list of the columns that `recordValues` are of, or of what stands for each. */
export function recordColumns(shown: (position: number, column: string) => string = (_, column) => column): string {
  return COLUMNS.map((column, position) => shown(position, column)).join(', ');
}

/** Over everything but the epoch, which changes hands. */
function checksumOf(values: readonly (number | Buffer | null)[]): number {
  return crc32(values.map((value) => (Buffer.isBuffer(value) ? value.toString('hex') : String(value))).join('|'));
}
