import { changeLease, commitRevision, type ApplyContext } from './apply-context.js';
import type { Command } from './commands.js';
import type { LeaseId } from './ids.js';
import { MAX_LEASES, MAX_LEASE_TTL_MS, MIN_LEASE_TTL_MS } from './limits.js';
import type { Outcome } from './outcomes.js';
import { refusal } from './refusal.js';

type CommandOf<Type extends Command['type']> = Extract<Command, { readonly type: Type }>;

export function executeLeaseGrant(context: ApplyContext, { leaseId, ttlMs }: CommandOf<'leaseGrant'>): Outcome {
  const { leases, keySpace } = context.state;
  if (ttlMs < MIN_LEASE_TTL_MS || ttlMs > MAX_LEASE_TTL_MS) return refusal('INVALID_TTL');
  // An id that has ended too: with it would come back an empty session, in which a late copy of a command takes effect again.
  if (leases.isTaken(leaseId)) return refusal('LEASE_EXISTS');
  if (leases.size >= MAX_LEASES) return refusal('TOO_MANY');
  leases.grant(leaseId, ttlMs);
  changeLease(context, { type: 'granted', leaseId, ttlMs });
  return { type: 'leaseGranted', revision: keySpace.revision, leaseId, ttlMs };
}

export const executeLeaseRevoke = (context: ApplyContext, { leaseId }: CommandOf<'leaseRevoke'>): Outcome =>
  endLease(context, { leaseId, reason: 'revoked' }) ?? refusal('LEASE_NOT_FOUND');

/** Ends the lease, unless the leader that counted it out is not the leader of this entry (FAILURE-MODES 39). */
export function executeLeaseExpire(context: ApplyContext, command: CommandOf<'leaseExpire'>): Outcome {
  const { leaseId, lessorTerm } = command;
  const ended = lessorTerm === context.term ? endLease(context, { leaseId, reason: 'expired' }) : null;
  return ended ?? updated(context, false);
}

/** Never more than the TTL: a checkpoint is there to shorten what a new leader counts (FAILURE-MODES 40). */
export function executeLeaseCheckpoint(context: ApplyContext, command: CommandOf<'leaseCheckpoint'>): Outcome {
  const { leases } = context.state;
  const { leaseId } = command;
  const ttlMs = leases.ttlMs(leaseId);
  if (ttlMs === null || command.lessorTerm !== context.term) return updated(context, false);
  const remainingTtlMs = Math.min(command.remainingTtlMs, ttlMs);
  const changed = leases.setRemaining(leaseId, remainingTtlMs);
  if (changed) changeLease(context, { type: 'checkpointed', leaseId, remainingTtlMs });
  return updated(context, changed);
}

/** Never brings a lease back (FAILURE-MODES 41). `changed` also when there was no checkpoint to clear. */
export function executeLeaseRenew(context: ApplyContext, { leaseId }: CommandOf<'leaseRenew'>): Outcome {
  const { leases } = context.state;
  if (!leases.has(leaseId)) return refusal('LEASE_NOT_FOUND');
  leases.setRemaining(leaseId, null);
  changeLease(context, { type: 'renewed', leaseId });
  return updated(context, true);
}

/** The lease, its keys (all in one revision) and its session go together; null when it is not alive. */
function endLease(
  context: ApplyContext,
  { leaseId, reason }: { readonly leaseId: LeaseId; readonly reason: 'revoked' | 'expired' },
): Outcome | null {
  const { keySpace, leases, sessions } = context.state;
  const keys = leases.end(leaseId);
  if (keys === null) return null;
  sessions.end(leaseId);
  changeLease(context, { type: 'ended', leaseId, reason });
  for (const key of keys) keySpace.delete(key, context.proposedAtMs);
  commitRevision(context);
  return { type: 'leaseEnded', revision: keySpace.revision, leaseId, deletedCount: keys.length };
}

const updated = (context: ApplyContext, changed: boolean): Outcome => ({
  type: 'leaseUpdated',
  revision: context.state.keySpace.revision,
  changed,
});
