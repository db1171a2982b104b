import { EntitySchema } from 'typeorm';
import { SCHEMA } from '../schema-names.js';

/** What a store says of itself besides its name, which is in the store's row; see `StoreIdentity`. */
export type IdentityColumns = {
  /** Always 1. */
  readonly id: number;
  /** The store object of the last claim: what another one wants to write finds no row to allow it. */
  readonly owner: string | null;
  readonly wantsVoteBack: boolean;
  readonly founders: readonly string[] | null;
  /** BIGINT, as text. */
  readonly joinedIndex: string;
  /** Why what the store holds is not to be used any more. */
  readonly lost: string | null;
  /** BIGINT, as text. Over the four before. */
  readonly checksum: string;
};

export const IdentityEntity = new EntitySchema<IdentityColumns>({
  name: 'identity',
  schema: SCHEMA,
  columns: {
    id: { type: 'smallint', primary: true },
    owner: { type: 'uuid', nullable: true },
    wantsVoteBack: { type: 'boolean', name: 'wants_vote_back' },
    founders: { type: 'text', array: true, nullable: true },
    joinedIndex: { type: 'bigint', name: 'joined_index', default: 0 },
    lost: { type: 'text', nullable: true },
    checksum: { type: 'bigint' },
  },
});
