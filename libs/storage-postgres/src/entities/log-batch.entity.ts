import { EntitySchema } from 'typeorm';
import { SCHEMA } from '../schema-names.js';

/** A run of log entries that were persisted together, as it lies in the table; see `LogRow`. BIGINT comes as text. */
export type LogBatchRecord = {
  readonly firstIndex: string;
  readonly lastIndex: string;
  readonly firstTerm: string;
  readonly lastTerm: string;
  readonly previousChecksum: string;
  readonly checksum: string;
  readonly bytes: Buffer;
};

export const LogBatchEntity = new EntitySchema<LogBatchRecord>({
  name: 'log_batch',
  schema: SCHEMA,
  columns: {
    firstIndex: { type: 'bigint', name: 'first_index', primary: true },
    lastIndex: { type: 'bigint', name: 'last_index' },
    firstTerm: { type: 'bigint', name: 'first_term' },
    lastTerm: { type: 'bigint', name: 'last_term' },
    previousChecksum: { type: 'bigint', name: 'previous_checksum' },
    checksum: { type: 'bigint' },
    bytes: { type: 'bytea' },
  },
});
