import type { Key, LeaseId, Revision } from './ids.js';
import type { ColdKeyRecord, PastRecord } from './key-record.js';
import { StoredRecord, valueBytes } from './stored-record.js';
import { lengthOfValue, NO_VALUE } from './stored-value.js';

/** What stays of a record in memory when its value is in the checkpoint only. */
export class ColdRecord implements ColdKeyRecord {
  readonly key: Key;
  readonly createRevision: Revision;
  readonly modRevision: Revision;
  readonly version: number;
  readonly leaseId: LeaseId | null;
  readonly updatedAtMs: number;
  readonly valueBytes: number;

  constructor(record: StoredRecord) {
    this.key = record.key;
    this.createRevision = record.createRevision;
    this.modRevision = record.modRevision;
    this.version = record.version;
    this.leaseId = record.leaseId;
    this.updatedAtMs = record.updatedAtMs;
    this.valueBytes = lengthOfValue(record.content);
  }

  get value(): null {
    return null;
  }

  /** Tells it from records with a value, and from deletions. */
  get content(): undefined {
    return undefined;
  }

  withoutValue(): StoredRecord {
    const { key, createRevision, modRevision, version, leaseId, updatedAtMs } = this;
    return new StoredRecord({ key, content: NO_VALUE, createRevision, modRevision, version, leaseId, updatedAtMs });
  }
}

/** Asks without looking at the value, which may be made anew for each look. */
export const isCold = (record: PastRecord): record is ColdKeyRecord => record instanceof ColdRecord;

/** How many bytes the value has, wherever it is. */
export const pastValueBytes = (record: PastRecord): number => (isCold(record) ? record.valueBytes : valueBytes(record));
