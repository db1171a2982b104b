import { assertNever, invariant, type Effect } from '@latchkey/raft';
import type { DriverParts } from './driver-parts.js';
import type { Leadership } from './leadership.js';
import type { NodeIdentity } from './node-identity.js';
import type { ReplicaObserver } from './ports/observer.js';
import type { RaftRun } from './raft-run.js';
import type { StateCheckpoints } from './state-checkpoints.js';

/** What an effect of the core reaches. */
export type EffectScope<Outcome> = {
  readonly parts: DriverParts<Outcome>;
  readonly leadership: Leadership<Outcome>;
  readonly checkpoints: StateCheckpoints<Outcome> | null;
  readonly run: RaftRun;
  readonly observer: ReplicaObserver;
  readonly nowMs: () => number;
  /** Makes sure of a turn after this one. */
  readonly schedule: () => void;
  /** Null: nobody looks at who the stores of the nodes are. */
  readonly identity: NodeIdentity | null;
  /** The node is no member any more: it leaves when the effects of the turn are done. */
  readonly onRemoved: () => void;
};

/** Runs one effect. Nothing here waits; what takes time reports as an input of its own. */
export function runEffect<Outcome>(scope: EffectScope<Outcome>, effect: Effect): void {
  const { parts, leadership, checkpoints, run } = scope;
  switch (effect.type) {
    case 'persist':
      if (mayChangeMembership(effect)) parts.roster.logChanged();
      return run.persist(effect);
    case 'send':
      return run.send(effect);
    case 'apply':
      return parts.applier.enqueue(effect.entries);
    case 'completeRead':
      if (leadership.view !== null) parts.reads.complete(effect.readId, effect.readIndex, leadership.view);
      return scope.schedule();
    case 'failRead':
      return parts.reads.fail(effect.readId, scope.nowMs());
    case 'proposalAppended':
      return parts.intake.appended(effect.proposalId, effect.index);
    case 'proposalRefused':
      return parts.intake.refused(effect.proposalId, effect.reason);
    case 'roleChanged':
      leadership.changed({ role: effect.role, term: effect.term, leaderId: effect.leaderId });
      return scope.schedule();
    case 'installSnapshot':
      parts.roster.logChanged();
      invariant(checkpoints !== null, 'a snapshot came to a node without a checkpoint store');
      scope.identity?.jumped();
      return checkpoints.takenByCore(run, effect);
    case 'compactLog':
      return checkpoints?.compactLog(effect.base);
    case 'sendSnapshot':
      if (leadership.view !== null) parts.snapshots.send(effect.to, effect.snapshot, leadership.view);
      return undefined;
    case 'membershipChangeAppended':
      return parts.membership.appended(effect.proposalId, effect.index, effect.term);
    case 'membershipChangeRefused':
      return parts.membership.refused(effect.proposalId, effect.reason);
    case 'membershipCommitted':
      parts.membership.committed(effect.index, effect.membership);
      parts.roster.committed(effect.membership);
      scope.identity?.membershipCommitted(effect.index, effect.membership);
      return scope.observer.membershipChanged?.(effect.membership);
    case 'transferFailed':
      parts.own.handoverFailed();
      parts.transfers.failed(effect.reason);
      return scope.schedule();
    case 'removed':
      return scope.onRemoved();
    default:
      return assertNever(effect);
  }
}

/** Also a truncation does: it can take a membership back. */
function mayChangeMembership({ truncateFrom, entries }: Extract<Effect, { readonly type: 'persist' }>): boolean {
  return truncateFrom !== null || entries.some(({ type }) => type === 'membership');
}
