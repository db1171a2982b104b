import { EntitySchema } from 'typeorm';
import { SCHEMA } from '../schema-names.js';

/** The checkpoint as it lies in the table; see `CheckpointRecord`. BIGINT comes as text. */
export type CheckpointColumns = {
  /** Always 1. */
  readonly id: number;
  /** That of the store's last claim: a checkpoint of an older process finds no row to write. */
  readonly epoch: string;
  readonly snapshotIndex: string;
  readonly snapshotTerm: string;
  readonly membership: Buffer | null;
  readonly generation: string;
  readonly rowCount: string;
  readonly rowSum: string;
  readonly baseIndex: string;
  readonly baseTerm: string;
  readonly cutIndex: string;
  readonly cutChecksum: string;
  /** Over all before but the epoch. */
  readonly checksum: string;
};

export const CheckpointEntity = new EntitySchema<CheckpointColumns>({
  name: 'checkpoint',
  schema: SCHEMA,
  columns: {
    id: { type: 'smallint', primary: true },
    epoch: { type: 'bigint' },
    snapshotIndex: { type: 'bigint', name: 'snapshot_index' },
    snapshotTerm: { type: 'bigint', name: 'snapshot_term' },
    membership: { type: 'bytea', nullable: true },
    generation: { type: 'bigint' },
    rowCount: { type: 'bigint', name: 'row_count' },
    rowSum: { type: 'bigint', name: 'row_sum' },
    baseIndex: { type: 'bigint', name: 'base_index' },
    baseTerm: { type: 'bigint', name: 'base_term' },
    cutIndex: { type: 'bigint', name: 'cut_index' },
    cutChecksum: { type: 'bigint', name: 'cut_checksum' },
    checksum: { type: 'bigint' },
  },
});
