import { EntitySchema } from 'typeorm';
import { SCHEMA } from '../schema-names.js';

/**
 * The one row that says whose store this is, who may write it, and what Raft must remember besides the log.
 * Every persist updates it: that is the fence (the update finds no row once another process has claimed the store), and
 * it makes the loss of the log's last rows visible, which no chain of checksums could show.
 */
export type StoreRecord = {
  /** Always 1. */
  readonly id: number;
  /** Made with the store; another one means another history. */
  readonly storeId: string;
  readonly clusterId: string;
  readonly nodeId: string;
  readonly format: number;
  /** One more for each claim; a write names the epoch of its claim. BIGINT, here and below. */
  readonly epoch: string;
  /** Names the store object of the last claim, so that it can tell its own from another's. */
  readonly owner: string | null;
  readonly currentTerm: string;
  readonly votedFor: string | null;
  readonly lastIndex: string;
  readonly lastChecksum: string;
  /** Over the four before. */
  readonly stateChecksum: string;
};

export const StoreEntity = new EntitySchema<StoreRecord>({
  name: 'store',
  schema: SCHEMA,
  columns: {
    id: { type: 'smallint', primary: true },
    storeId: { type: 'text', name: 'store_id' },
    clusterId: { type: 'text', name: 'cluster_id' },
    nodeId: { type: 'text', name: 'node_id' },
    format: { type: 'integer' },
    epoch: { type: 'bigint' },
    owner: { type: 'uuid', nullable: true },
    currentTerm: { type: 'bigint', name: 'current_term' },
    votedFor: { type: 'text', name: 'voted_for', nullable: true },
    lastIndex: { type: 'bigint', name: 'last_index' },
    lastChecksum: { type: 'bigint', name: 'last_checksum' },
    stateChecksum: { type: 'bigint', name: 'state_checksum' },
  },
});
