import { ColdRecord } from '../cold-record.js';
import type { KeyRecord, PastRecord } from '../key-record.js';
import { recordOfRow, versionKey } from '../version-rows.js';
import type { RowStore } from './row-store.js';

/** A record of which the test knows that it has its value. */
export function withValue(record: PastRecord): KeyRecord {
  if (record.value === null) throw new Error(`the record of revision ${record.modRevision} is cold`);
  return record;
}

export type Warmed<Readable> = { readonly readable: Readable; readonly coldCount: number };

/** The same, with the values of cold records as a node reads them: from the rows of its last checkpoint. */
export function warmed<Readable>(of: Readable, store: RowStore): Warmed<Readable> {
  let coldCount = 0;
  const warm = (part: unknown): unknown => {
    if (part instanceof ColdRecord) {
      coldCount += 1;
      const value = store.valueOf(versionKey(part));
      if (value === null) throw new Error(`a cold record of revision ${part.modRevision} is in no row`);
      return recordOfRow(part, value);
    }
    if (Array.isArray(part)) return part.map(warm);
    if (typeof part !== 'object' || part === null || Object.getPrototypeOf(part) !== Object.prototype) return part;
    return Object.fromEntries(Object.entries(part).map(([name, each]) => [name, warm(each)]));
  };
  return { readable: warm(of) as Readable, coldCount }; // the same shape
}
