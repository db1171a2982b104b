import { EntitySchema } from 'typeorm';
import { SCHEMA } from '../schema-names.js';

/** What this node has seen of the store of another; see `PeerRecord`. BIGINT comes as text. */
export type PeerColumns = {
  readonly node: string;
  readonly storeId: string;
  readonly epoch: string;
  readonly term: string;
  readonly lastIndex: string;
  /** Null in a row of an older Latchkey. */
  readonly mark: string | null;
  readonly knownIndex: string;
  /** Over all before. */
  readonly checksum: string;
};

export const PeerEntity = new EntitySchema<PeerColumns>({
  name: 'peer',
  schema: SCHEMA,
  columns: {
    node: { type: 'text', primary: true },
    storeId: { type: 'text', name: 'store_id' },
    epoch: { type: 'bigint' },
    term: { type: 'bigint' },
    lastIndex: { type: 'bigint', name: 'last_index' },
    mark: { type: 'bigint', nullable: true },
    knownIndex: { type: 'bigint', name: 'known_index', default: 0 },
    checksum: { type: 'bigint' },
  },
});
