import type { Key, LeaseId, Revision } from './ids.js';
import type { KeyRecord } from './key-record.js';
import {
  isSameValue,
  lengthOfValue,
  MAX_PACKED_BYTES,
  NO_VALUE,
  packValue,
  readValue,
  type StoredValue,
} from './stored-value.js';

export type StoredRecordParts = Omit<KeyRecord, 'value'> & { readonly content: StoredValue };

/** A record as the store keeps it. `value` may be made anew each time it is looked at, so look once. */
export class StoredRecord implements KeyRecord {
  readonly key: Key;
  readonly createRevision: Revision;
  readonly modRevision: Revision;
  readonly version: number;
  readonly leaseId: LeaseId | null;
  readonly updatedAtMs: number;
  private kept: StoredValue;

  constructor(parts: StoredRecordParts) {
    this.key = parts.key;
    this.createRevision = parts.createRevision;
    this.modRevision = parts.modRevision;
    this.version = parts.version;
    this.leaseId = parts.leaseId;
    this.updatedAtMs = parts.updatedAtMs;
    this.kept = parts.content;
  }

  get value(): Uint8Array {
    return readValue(this.kept);
  }

  get content(): StoredValue {
    return this.kept;
  }

  /** The record stays for long: from now on its value takes little memory. */
  settle(): void {
    if (typeof this.kept !== 'string' && this.kept.length <= MAX_PACKED_BYTES) this.kept = packValue(this.kept);
  }

  withoutValue(): StoredRecord {
    return this.with(this.key, NO_VALUE);
  }

  /** The same with an equal key, to have that string in memory once. */
  withKey(key: Key): StoredRecord {
    return this.with(key, this.kept);
  }

  private with(key: Key, content: StoredValue): StoredRecord {
    const { createRevision, modRevision, version, leaseId, updatedAtMs } = this;
    return new StoredRecord({ key, content, createRevision, modRevision, version, leaseId, updatedAtMs });
  }
}

/** Whether nothing can tell one from the other. Both have settled. */
export const isSameRecord = (left: StoredRecord, right: StoredRecord): boolean =>
  left.key === right.key &&
  left.modRevision === right.modRevision &&
  left.createRevision === right.createRevision &&
  left.version === right.version &&
  left.leaseId === right.leaseId &&
  left.updatedAtMs === right.updatedAtMs &&
  isSameValue(left.content, right.content);

/** The value of any record, without making it anew. */
export const contentOf = (record: KeyRecord): StoredValue =>
  record instanceof StoredRecord ? record.content : record.value;

/** How many bytes the value of any record has. */
export const valueBytes = (record: KeyRecord): number => lengthOfValue(contentOf(record));
