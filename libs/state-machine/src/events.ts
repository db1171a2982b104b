import type { Key, LeaseId, Revision } from './ids.js';
import type { KeyRecord, PastRecord } from './key-record.js';
import type { QueueSpace } from './commands.js';

type EventOf<Version> =
  | { readonly type: 'put'; readonly record: Version; readonly previous: Version | null }
  | { readonly type: 'delete'; readonly key: Key; readonly modRevision: Revision; readonly previous: Version };

type RevisionOf<Event> = {
  readonly revision: Revision;
  readonly proposedAtMs: number;
  readonly events: readonly Event[];
};

export type KeyEvent = EventOf<KeyRecord>;
/** Everything one transaction changed. Watches never split or merge these. */
export type RevisionEvents = RevisionOf<KeyEvent>;

/** An event as it is found in the history. */
export type PastKeyEvent = EventOf<PastRecord>;
export type PastRevisionEvents = RevisionOf<PastKeyEvent>;

/**
 * A key became a holder of its queue; its `createRevision` is the fencing token. Told once per key, for every way to get
 * there: also for a `queueEnter` that is answered `acquired` at once, and for keys that were put directly.
 */
export type QueueGrant = {
  readonly space: QueueSpace;
  readonly name: string;
  readonly leaseId: LeaseId;
  readonly fencingToken: Revision;
};

export type LeaseChange =
  | { readonly type: 'granted'; readonly leaseId: LeaseId; readonly ttlMs: number }
  | { readonly type: 'ended'; readonly leaseId: LeaseId; readonly reason: 'revoked' | 'expired' }
  | { readonly type: 'checkpointed'; readonly leaseId: LeaseId; readonly remainingTtlMs: number }
  | { readonly type: 'renewed'; readonly leaseId: LeaseId };
