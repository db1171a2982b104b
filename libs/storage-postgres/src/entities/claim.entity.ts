import { EntitySchema } from 'typeorm';
import { SCHEMA } from '../schema-names.js';

/** That a process has claimed the store; see `StoreIdentity.claims`. BIGINT comes as text. */
export type ClaimColumns = {
  readonly epoch: string;
  readonly mark: string;
  /** The node has taken part by this claim. */
  readonly kept: boolean;
  /** Over all before. */
  readonly checksum: string;
};

export const ClaimEntity = new EntitySchema<ClaimColumns>({
  name: 'claim',
  schema: SCHEMA,
  columns: {
    epoch: { type: 'bigint', primary: true },
    mark: { type: 'bigint' },
    kept: { type: 'boolean' },
    checksum: { type: 'bigint' },
  },
});
