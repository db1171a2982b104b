import type { Key, LeaseId, Revision } from './ids.js';

/** One version of a key (etcd: KeyValue). Never changed once made, so it can be handed out and shared. */
export type KeyRecord = {
  readonly key: Key;
  readonly value: Uint8Array;
  readonly createRevision: Revision;
  readonly modRevision: Revision;
  /** 1 for the first put after a creation, one more for each put since. */
  readonly version: number;
  readonly leaseId: LeaseId | null;
  /** Leader's wall clock when the write was proposed, ms since 1970; for display only. */
  readonly updatedAtMs: number;
};

/** A version of a key whose value is not in memory: it is in the row `versionKey` of the latest checkpoint. */
export type ColdKeyRecord = Omit<KeyRecord, 'value'> & {
  readonly value: null;
  /** Length of the value. */
  readonly valueBytes: number;
};

/** What was once current. */
export type PastRecord = KeyRecord | ColdKeyRecord;
