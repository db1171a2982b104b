import { BoundedResources, type ResourceLimits } from './bounded-resources.js';
import { CheckpointCommitted } from './checkpoint-committed.js';
import type { ClientBeliefs } from './client-beliefs.js';
import type { ClusterView } from './cluster-view.js';
import { CommittedImmutable } from './committed-immutable.js';
import { DurableAcknowledgement } from './durable-acknowledgement.js';
import { DurableQuorum } from './durable-quorum.js';
import { EffectOnce } from './effect-once.js';
import { ElectionSafety } from './election-safety.js';
import { FreshReads } from './fresh-reads.js';
import { GrowingTokens } from './growing-tokens.js';
import { IndexOrder } from './index-order.js';
import type {
  AckFact,
  AppliedFact,
  CheckpointFact,
  DiskFact,
  Invariant,
  MissingValueFact,
  ReadFact,
  RestoredFact,
  RoleFact,
  SentFact,
  TurnFact,
  WatchFact,
} from './invariant.js';
import { LeaderAppendOnly } from './leader-append-only.js';
import { LeaderCompleteness } from './leader-completeness.js';
import { LeaseLifetime } from './lease-lifetime.js';
import { LockBeliefs } from './lock-belief.js';
import { LogMatching } from './log-matching.js';
import { MembershipOverlap } from './membership-overlap.js';
import { MonotoneState } from './monotone-state.js';
import { OldValues } from './old-values.js';
import { OneLockHolder } from './one-lock-holder.js';
import { OwnTermCommit } from './own-term-commit.js';
import { SilentWhenLost } from './silent-when-lost.js';
import { StateMachineSafety } from './state-machine-safety.js';
import { VoteDurability } from './vote-durability.js';
import { WatchOrder } from './watch-order.js';

export type Violation = {
  readonly invariant: string;
  readonly message: string;
  /** Where in the code, when it was an error; not kept in runs of many seeds. */
  readonly stack?: string;
};

type FactKind = Exclude<keyof Invariant, 'name'>;

/** Hands every fact to the invariants that want it. */
export class AllInvariants implements Required<Omit<Invariant, 'name'>> {
  readonly watchOrder: WatchOrder;
  /** Who wants which fact. */
  private readonly wanting: Readonly<Record<FactKind, readonly Invariant[]>>;
  private readonly stateMachineSafety: StateMachineSafety;

  /** @param report is told of every broken promise */
  constructor(
    report: (violation: Violation) => void,
    {
      view,
      limits,
      beliefs,
    }: { readonly view: ClusterView; readonly limits: ResourceLimits; readonly beliefs: () => ClientBeliefs },
  ) {
    const as = (invariant: string) => (message: string) => report({ invariant, message });
    this.watchOrder = new WatchOrder(as('watchOrder'));
    this.stateMachineSafety = new StateMachineSafety(as('stateMachineSafety'));
    const all: readonly Invariant[] = [
      new ElectionSafety(as('electionSafety')),
      new VoteDurability(as('voteDurability'), view),
      new SilentWhenLost(as('silentWhenLost'), view),
      new LeaderAppendOnly(as('leaderAppendOnly')),
      new LogMatching(as('logMatching')),
      new LeaderCompleteness(as('leaderCompleteness'), view),
      this.stateMachineSafety,
      new CommittedImmutable(as('committedImmutable'), view),
      new DurableAcknowledgement(as('durableAcknowledgement'), view),
      new DurableQuorum(as('durableQuorum'), view),
      new OwnTermCommit(as('ownTermCommit'), view),
      new CheckpointCommitted(as('checkpointCommitted'), view),
      new MembershipOverlap(as('membershipOverlap'), view),
      new MonotoneState(as('monotoneState')),
      new IndexOrder(as('indexOrder')),
      new BoundedResources(as('boundedResources'), limits),
      new FreshReads(as('freshReads')),
      new OneLockHolder(as('oneLockHolder')),
      new GrowingTokens(as('growingTokens')),
      new LeaseLifetime(as('leaseLifetime'), beliefs),
      new LockBeliefs(as('lockBelief'), beliefs),
      new EffectOnce(as('effectOnce')),
      new OldValues(as('oldValues')),
      this.watchOrder,
    ];
    const wanting = (kind: FactKind): readonly Invariant[] => all.filter((invariant) => invariant[kind] !== undefined);
    this.wanting = {
      diskWritten: wanting('diskWritten'),
      checkpointWritten: wanting('checkpointWritten'),
      restored: wanting('restored'),
      roleChanged: wanting('roleChanged'),
      sent: wanting('sent'),
      applied: wanting('applied'),
      turnEnded: wanting('turnEnded'),
      acknowledged: wanting('acknowledged'),
      readServed: wanting('readServed'),
      watched: wanting('watched'),
      valueMissing: wanting('valueMissing'),
    };
  }

  diskWritten(fact: DiskFact): void {
    for (const invariant of this.wanting.diskWritten) invariant.diskWritten?.(fact);
  }

  checkpointWritten(fact: CheckpointFact): void {
    for (const invariant of this.wanting.checkpointWritten) invariant.checkpointWritten?.(fact);
  }

  restored(fact: RestoredFact): void {
    for (const invariant of this.wanting.restored) invariant.restored?.(fact);
  }

  roleChanged(fact: RoleFact): void {
    for (const invariant of this.wanting.roleChanged) invariant.roleChanged?.(fact);
  }

  sent(fact: SentFact): void {
    for (const invariant of this.wanting.sent) invariant.sent?.(fact);
  }

  applied(fact: AppliedFact): void {
    // What an entry does is the same on every node; that it is so is what the one invariant says.
    if (fact.isFirst) for (const invariant of this.wanting.applied) invariant.applied?.(fact);
    else this.stateMachineSafety.applied(fact);
  }

  turnEnded(fact: TurnFact): void {
    for (const invariant of this.wanting.turnEnded) invariant.turnEnded?.(fact);
  }

  acknowledged(fact: AckFact): void {
    for (const invariant of this.wanting.acknowledged) invariant.acknowledged?.(fact);
  }

  readServed(fact: ReadFact): void {
    for (const invariant of this.wanting.readServed) invariant.readServed?.(fact);
  }

  watched(fact: WatchFact): void {
    for (const invariant of this.wanting.watched) invariant.watched?.(fact);
  }

  valueMissing(fact: MissingValueFact): void {
    for (const invariant of this.wanting.valueMissing) invariant.valueMissing?.(fact);
  }
}
