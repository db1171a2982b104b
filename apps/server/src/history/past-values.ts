import { LogStoreError, MAX_READ_ROWS } from '@latchkey/replica';
import {
  CorruptStateRows,
  isCold,
  MalformedCommandBatch,
  recordOfRow,
  versionKey,
  type ColdKeyRecord,
  type KeyRecord,
  type PastRecord,
  type StateReader,
} from '@latchkey/state-machine';
import { wireError } from '../commands/wire-error.js';

/** Of values in one call of the store, but at least one value. */
const MAX_READ_BYTES = 4 * 1024 * 1024;

export type PastValuesOptions = {
  readonly reader: Pick<StateReader, 'compactRevision' | 'isReadable'>;
  /** See `CheckpointStore.readRows`. */
  readonly readRows: (keys: readonly Uint8Array[]) => Promise<readonly (Uint8Array | null)[]>;
  readonly onCorrupt: (error: LogStoreError) => void;
};

/** A record with its value, whether it was in memory or was read. */
export type ValueOf = (record: PastRecord) => KeyRecord;

/** Reads the values of cold records from this node's checkpoint. */
export class PastValues {
  constructor(private readonly options: PastValuesOptions) {}

  /**
   * What `use` makes of `records` once their values are at hand: at once when all of them are, so that whoever reads nothing
   * old waits for nothing.
   * @throws WireError COMPACTED, UNAVAILABLE
   */
  with<Result>(records: Iterable<PastRecord | null>, use: (valueOf: ValueOf) => Result): Result | Promise<Result> {
    const cold: ColdKeyRecord[] = [];
    for (const record of records) if (record !== null && isCold(record)) cold.push(record);
    return cold.length === 0 ? use(valueAtHand) : this.read(cold).then(use);
  }

  private async read(cold: readonly ColdKeyRecord[]): Promise<ValueOf> {
    const values = new Map<ColdKeyRecord, KeyRecord>();
    for (const part of partsOf(cold)) {
      try {
        const rows = await this.options.readRows(part.map(versionKey));
        part.forEach((record, index) => values.set(record, this.recordOf(record, rows[index] ?? null)));
      } catch (error) {
        throw this.failureOf(error);
      }
    }
    return (record) => (isCold(record) ? (values.get(record) ?? valueAtHand(record)) : record);
  }

  private recordOf(cold: ColdKeyRecord, row: Uint8Array | null): KeyRecord {
    if (row !== null) return recordOfRow(cold, row);
    const { reader } = this.options;
    if (!reader.isReadable(cold)) {
      const { compactRevision } = reader;
      throw wireError('COMPACTED', 'that revision has been compacted away', { compactRevision });
    }
    // The rows of a later state are there already, while this node still brings itself to it.
    throw wireError('UNAVAILABLE', 'old values cannot be read at the moment');
  }

  private failureOf(error: unknown): unknown {
    if (error instanceof CorruptStateRows || error instanceof MalformedCommandBatch) {
      return this.failureOf(new LogStoreError('corrupt', error.message, { cause: error }));
    }
    if (!(error instanceof LogStoreError)) return error;
    if (error.code === 'corrupt') this.options.onCorrupt(error);
    return wireError('UNAVAILABLE', 'old values cannot be read: the database of this node does not give them');
  }
}

/** Of records that are all in memory. */
export const valueAtHand: ValueOf = (record) => {
  if (!isCold(record)) return record;
  throw new TypeError(`the value of revision ${record.modRevision} was not read`);
};

function* partsOf(cold: readonly ColdKeyRecord[]): IterableIterator<readonly ColdKeyRecord[]> {
  let part: ColdKeyRecord[] = [];
  let byteCount = 0;
  for (const record of cold) {
    if (part.length === MAX_READ_ROWS || (part.length > 0 && byteCount + record.valueBytes > MAX_READ_BYTES)) {
      yield part;
      part = [];
      byteCount = 0;
    }
    part.push(record);
    byteCount += record.valueBytes;
  }
  yield part;
}
