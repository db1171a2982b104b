import { EntitySchema } from 'typeorm';
import { SCHEMA } from '../schema-names.js';

/** Several rows of the applied state that were written together, side by side in three arrays: see state-pages.ts. */
export type StatePageColumns = {
  readonly generation: number;
  /** No row of the page lies behind it, and all rows of the page before lie before all of this one. */
  readonly lastKey: Buffer;
  readonly rowKeys: readonly Buffer[];
  readonly rowValues: readonly Buffer[];
  /** BIGINT, as text. Over one key and its value each. */
  readonly rowChecksums: readonly string[];
};

export const StatePageEntity = new EntitySchema<StatePageColumns>({
  name: 'state_page',
  schema: SCHEMA,
  columns: {
    generation: { type: 'integer', primary: true },
    lastKey: { type: 'bytea', name: 'last_key', primary: true },
    rowKeys: { type: 'bytea', name: 'row_keys', array: true },
    rowValues: { type: 'bytea', name: 'row_values', array: true },
    rowChecksums: { type: 'bigint', name: 'row_checksums', array: true },
  },
});
