import { EntitySchema } from 'typeorm';
import { SCHEMA } from '../schema-names.js';

/** One row of the applied state, of the present generation or of one that comes or goes. */
export type StateRowColumns = {
  readonly generation: number;
  readonly key: Buffer;
  readonly value: Buffer;
  /** BIGINT, here and below. Over key and value. */
  readonly checksum: string;
  /** That of the value before, left here by the update so that it can tell it without reading first. */
  readonly replacedChecksum: string | null;
};

export const StateRowEntity = new EntitySchema<StateRowColumns>({
  name: 'state_row',
  schema: SCHEMA,
  columns: {
    generation: { type: 'integer', primary: true },
    key: { type: 'bytea', primary: true },
    value: { type: 'bytea' },
    checksum: { type: 'bigint' },
    replacedChecksum: { type: 'bigint', name: 'replaced_checksum', nullable: true },
  },
});
