import type { KeyRecord } from './key-record.js';
import type { OperationOutcome, Outcome } from './outcomes.js';
import { valueBytes } from './stored-record.js';

/** What a record costs beside its value, roughly. */
const RECORD_BYTES = 100;

/** Bytes that an outcome keeps alive beside itself: the records it answers with. */
export function outcomeBytes(outcome: Outcome | OperationOutcome): number {
  switch (outcome.type) {
    case 'put':
      return outcome.previous === null ? 0 : recordBytes(outcome.previous);
    case 'deleted':
      return sumOf(outcome.previous);
    case 'range':
      return sumOf(outcome.records);
    case 'transaction':
      return outcome.responses.reduce((sum, response) => sum + outcomeBytes(response), 0);
    case 'held':
      return recordBytes(outcome.holder.record);
    case 'evicted':
      return outcome.holder === null ? 0 : recordBytes(outcome.holder.record);
    default:
      return 0;
  }
}

const sumOf = (records: readonly KeyRecord[]): number => records.reduce((sum, record) => sum + recordBytes(record), 0);

const recordBytes = (record: KeyRecord): number => RECORD_BYTES + valueBytes(record);
