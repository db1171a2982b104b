import type { KeyRange } from './key-range.js';
import type { Key, LeaseId, Revision } from './ids.js';
import type { KeyRecord, PastRecord } from './key-record.js';
import type { LeaseChange, PastRevisionEvents, QueueGrant, RevisionEvents } from './events.js';
import type { Outcome, Refusal } from './outcomes.js';
import type { QueueSpace } from './commands.js';

/** Everything one log entry did. */
export type ApplyResult = {
  /** One per command of the batch, in order. */
  readonly outcomes: readonly Outcome[];
  /** One per transaction that wrote, in revision order. */
  readonly revisions: readonly RevisionEvents[];
  readonly grants: readonly QueueGrant[];
  readonly leaseChanges: readonly LeaseChange[];
};

export type LeaseInfo = {
  readonly leaseId: LeaseId;
  readonly ttlMs: number;
  /** Set by the last checkpoint since the last renewal; null = a full TTL is to be counted. */
  readonly remainingTtlMs: number | null;
  readonly keys: readonly Key[];
};

export type QueueEntry = {
  readonly leaseId: LeaseId;
  readonly record: KeyRecord;
  readonly holding: boolean;
  /** 0 for the front. */
  readonly position: number;
};

export type RangeQuery = {
  readonly range: KeyRange;
  /** 0 = no limit. */
  readonly limit: number;
  /** null = now. */
  readonly revision: Revision | null;
  readonly keysOnly: boolean;
};

type RangeOf<Version> = { readonly records: readonly Version[]; readonly count: number; readonly more: boolean };

export type RangeResult = RangeOf<KeyRecord>;
export type PastRangeResult = RangeOf<PastRecord>;

/**
 * Reads of one node's applied state. All synchronous, nothing is copied: records are immutable. Records of the past may be
 * cold: the value is in the checkpoint only. What is current never is.
 */
export interface StateReader {
  readonly revision: Revision;
  /** Reads below it, and events up to and including it, are gone; reads at it are answered. 0 before the first compaction. */
  readonly compactRevision: Revision;
  /** Bytes of values that are in memory though their versions are not current; short values do not count. */
  readonly hotHistoryBytes: number;
  /** 16 hex digits; equal on all nodes that have applied the same entries. */
  readonly stateHash: string;
  get(key: Key): KeyRecord | null;
  /** Refused as COMPACTED or FUTURE_REVISION when `revision` cannot be read. */
  getAt(key: Key, revision: Revision): PastRecord | null | Refusal;
  /** Now: is never refused, and every record has its value. */
  range(query: RangeQuery & { readonly revision: null }): RangeResult;
  range(query: RangeQuery): PastRangeResult | Refusal;
  /** Whether this version can still be read, at some revision. */
  isReadable(version: Pick<PastRecord, 'key' | 'modRevision'>): boolean;
  /** Every version of `key` still held, oldest first; `null` values mark deletions. */
  history(key: Key): readonly { readonly revision: Revision; readonly record: PastRecord | null }[];
  /**
   * Events from `fromRevision` on (inclusive), at most `maxRevisions` revisions of them, in order, each with what was
   * there before; none yet when `fromRevision` is above the current revision. COMPACTED when `fromRevision` is at or
   * below `compactRevision`: whoever read a range at the compacted revision goes on from the one after it.
   */
  eventsFrom(fromRevision: Revision, maxRevisions: number): readonly PastRevisionEvents[] | Refusal;
  lease(leaseId: LeaseId): LeaseInfo | null;
  /** In no order that means anything: it may differ between nodes. */
  leases(): IterableIterator<LeaseInfo>;
  /** In order, the holder first; empty when nobody holds or waits. */
  queue(space: QueueSpace, name: string): readonly QueueEntry[];
  /** How many hold or wait; O(1). */
  queueLength(space: QueueSpace, name: string): number;
  /** Place of one lease in a queue, O(1) for holders. */
  queueEntry(
    space: QueueSpace,
    name: string,
    leaseId: LeaseId,
  ): { readonly holding: boolean; readonly record: KeyRecord } | null;
  /** Names of the queues that are not empty and begin with `prefix`, in key order. */
  queueNames(space: QueueSpace, prefix: string): readonly string[];
}
