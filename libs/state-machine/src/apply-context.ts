import type { LeaseChange, QueueGrant, RevisionEvents } from './events.js';
import { IdempotencyKeys } from './idempotency-keys.js';
import { KeySpace } from './key-space.js';
import { Leases } from './leases.js';
import { Queues } from './queues.js';
import { Sessions } from './sessions.js';
import { StateHash } from './state-hash.js';

/** Everything that is replicated, by section. `queues` follows from `keySpace`; all others stand for themselves. */
export type ReplicatedState = {
  readonly keySpace: KeySpace;
  readonly leases: Leases;
  readonly queues: Queues;
  readonly sessions: Sessions;
  readonly idempotencyKeys: IdempotencyKeys;
  readonly hash: StateHash;
};

/** @param maxHotHistoryBytes see `StateMachineOptions` */
export const emptyState = (maxHotHistoryBytes?: number): ReplicatedState => ({
  keySpace: KeySpace.empty(maxHotHistoryBytes),
  leases: new Leases(),
  queues: new Queues(),
  sessions: new Sessions(),
  idempotencyKeys: new IdempotencyKeys(),
  hash: new StateHash(),
});

/** One entry being applied: the state it changes and what it has done so far. */
export type ApplyContext = {
  readonly state: ReplicatedState;
  readonly term: number;
  readonly proposedAtMs: number;
  readonly revisions: RevisionEvents[];
  readonly grants: QueueGrant[];
  readonly leaseChanges: LeaseChange[];
};

/**
 * Ends the revision that was written, if anything was: leases and queues follow its events, and whoever now stands in
 * front holds, in this same step of the log (FAILURE-MODES 37).
 */
export function commitRevision(context: ApplyContext): void {
  const { keySpace, leases, queues, hash } = context.state;
  const written = keySpace.commit(context.proposedAtMs);
  if (written === null) return;
  context.revisions.push(written);
  for (const event of written.events) {
    const leaseId = event.type === 'put' ? event.record.leaseId : null;
    const previousLeaseId = event.previous === null ? null : event.previous.leaseId;
    if (leaseId !== previousLeaseId) {
      if (previousLeaseId !== null && event.previous !== null) leases.detach(previousLeaseId, event.previous.key);
      if (leaseId !== null && event.type === 'put') leases.attach(leaseId, event.record.key);
    }
    hash.mixEvent(event);
    queues.follow(event);
  }
  for (const grant of queues.settle()) {
    context.grants.push(grant);
    hash.mixText(grant.name);
    hash.mixText(grant.leaseId);
    hash.mixNumber(grant.fencingToken);
  }
}

export function changeLease(context: ApplyContext, change: LeaseChange): void {
  context.leaseChanges.push(change);
  context.state.hash.mixText(change.type);
  context.state.hash.mixText(change.leaseId);
  if (change.type === 'granted') context.state.hash.mixNumber(change.ttlMs);
  if (change.type === 'checkpointed') context.state.hash.mixNumber(change.remainingTtlMs);
}
