import type { LogIndex, Membership, MembershipChange, NodeId } from '@latchkey/raft';
import type { LeaderView } from './leader-view.js';
import { MAX_RELEASES } from './limits.js';
import type { IdentityMessage } from './ports/identity-messages.js';
import type { StoreId } from './ports/identity-store.js';
import { hasVote, isMemberOf } from './quorum-of.js';

type ReleaseWanted = Extract<IdentityMessage, { readonly type: 'releaseWanted' }>;

export type HistoryReleasesOptions = {
  readonly incarnation: number;
  readonly send: (to: NodeId, message: IdentityMessage) => void;
  readonly changeMembership: (change: MembershipChange) => Promise<unknown>;
  /** Resolves when a majority has confirmed, after the call, that this node leads. */
  readonly confirmLeadership: () => Promise<void>;
  /** Makes sure of a call of `release`. */
  readonly schedule: () => void;
  readonly warn: (message: string, details: Readonly<Record<string, unknown>>) => void;
};

/** What a leader knows of the membership, in one moment. */
export type LeaderMembership = {
  readonly view: LeaderView;
  /** The latest of the log. */
  readonly latest: Membership;
  readonly committed: Membership;
  /** Where that stands in the log, at the latest. */
  readonly membershipIndex: LogIndex;
};

type Wanted = {
  readonly storeId: StoreId;
  readonly epoch: number;
  readonly ticket: number;
  /** Kept when another process of the node asks. */
  hadVote: boolean;
  isBusy: boolean;
  /** The term in which this node was confirmed as the leader while the asker had no vote; null before. */
  confirmedInTerm: number | null;
};

/** `isKnown`: it is the store that is remembered of the node. */
export type VoteWanted = { readonly node: NodeId; readonly storeId: StoreId; readonly isKnown: boolean };

/** Tickets of different runs of a leader differ, and stay below 2^53. */
const TICKET_ORIGINS = 2 ** 21;
const TWO_POW_32 = 2 ** 32;

/**
 * The leader's side of a node that has lost its history, or wants its vote back (FAILURE-MODES 29, 32). The vote is taken
 * through a change of the membership, which needs a majority of the others. The release says that this has been committed,
 * and that what the old store confirmed is forgotten; a leader that has been replaced meanwhile must not say it, so it asks
 * a majority first.
 */
export class HistoryReleases {
  private readonly wanted = new Map<NodeId, Wanted>();
  private readonly promoting = new Set<NodeId>();
  private lastTicket: number;
  private isAnyConfirmed = false;

  constructor(private readonly options: HistoryReleasesOptions) {
    this.lastTicket = (options.incarnation % TICKET_ORIGINS) * TWO_POW_32;
  }

  /** Whether `release` has something to do. */
  get hasConfirmed(): boolean {
    return this.isAnyConfirmed;
  }

  asked(from: NodeId, message: ReleaseWanted, membership: LeaderMembership): void {
    const wanted = this.wantedBy(from, message);
    if (wanted === null) return;
    const { latest, membershipIndex } = membership;
    const isVoter = hasVote(latest, from);
    wanted.hadVote ||= isVoter;
    // A request that was on its way for long may be of a life that is over: the asker must have heard of this ticket.
    if (message.ticket !== wanted.ticket) return this.answer(from, wanted, { isReleased: false, membershipIndex });
    if (isVoter) {
      wanted.confirmedInTerm = null;
      if (latest.votersOutgoing.length === 0) this.demote(from, wanted);
    } else if (isSettledWithoutVote(membership, from)) {
      this.confirm(wanted, membership.view.term);
    }
    this.answer(from, wanted, { isReleased: false, membershipIndex });
  }

  /** In a turn of the driver. `forgetProgress` makes the core forget what the node's old store has confirmed. */
  release(membership: LeaderMembership | null, forgetProgress: (node: NodeId) => void): void {
    this.isAnyConfirmed = false;
    for (const [node, wanted] of this.wanted) {
      const { confirmedInTerm } = wanted;
      wanted.confirmedInTerm = null;
      if (confirmedInTerm === null || membership?.view.role !== 'leader') continue;
      if (membership.view.term !== confirmedInTerm || !isSettledWithoutVote(membership, node)) continue;
      forgetProgress(node);
      this.answer(node, wanted, { isReleased: true, membershipIndex: membership.membershipIndex });
    }
  }

  /** The node takes part with a store that is believed: what was asked for another one is over. */
  welcomed(node: NodeId, storeId: StoreId): void {
    if (this.wanted.get(node)?.storeId !== storeId) this.wanted.delete(node);
  }

  /** A learner wants the vote that it had. */
  voteWanted({ node: from, storeId, isKnown }: VoteWanted, { view, latest, committed }: LeaderMembership): void {
    if (hasItsVote({ latest, committed }, from)) this.options.send(from, { type: 'voteGiven', storeId });
    if (view.role !== 'leader' || !isKnown || this.promoting.has(from) || this.promoting.size >= MAX_RELEASES) return;
    if (!latest.learners.includes(from) || !committed.learners.includes(from)) return;
    this.promoting.add(from);
    // Mostly because it has not caught up yet: it asks again.
    const forget = (): void => void this.promoting.delete(from);
    this.options.changeMembership({ type: 'promote', node: from }).then(forget, forget);
  }

  private demote(node: NodeId, wanted: Wanted): void {
    if (wanted.isBusy) return;
    wanted.isBusy = true;
    this.options.changeMembership({ type: 'demote', node }).then(
      () => {
        wanted.isBusy = false;
      },
      (error: unknown) => {
        wanted.isBusy = false;
        this.options.warn('a node that has lost its history keeps its vote for now', { node, error: String(error) });
      },
    );
  }

  private confirm(wanted: Wanted, term: number): void {
    if (wanted.isBusy) return;
    wanted.isBusy = true;
    this.options.confirmLeadership().then(
      () => {
        wanted.isBusy = false;
        wanted.confirmedInTerm = term;
        this.isAnyConfirmed = true;
        this.options.schedule();
      },
      // It asks again, whoever leads then.
      () => {
        wanted.isBusy = false;
      },
    );
  }

  private wantedBy(from: NodeId, { storeId, epoch }: ReleaseWanted): Wanted | null {
    const known = this.wanted.get(from);
    if (known?.storeId === storeId && known.epoch === epoch) return known;
    if (known === undefined && this.wanted.size >= MAX_RELEASES) return null;
    this.lastTicket += 1;
    const hadVote = known?.hadVote ?? false;
    const wanted = { storeId, epoch, ticket: this.lastTicket, hadVote, isBusy: false, confirmedInTerm: null };
    this.wanted.set(from, wanted);
    return wanted;
  }

  private answer(
    to: NodeId,
    { storeId, epoch, ticket, hadVote }: Wanted,
    said: { readonly isReleased: boolean; readonly membershipIndex: LogIndex },
  ): void {
    this.options.send(to, { type: 'releaseAnswer', storeId, epoch, ticket, hadVote, ...said });
  }
}

/** A vote that no change under way takes from it. */
export function hasItsVote(
  { latest, committed }: Pick<LeaderMembership, 'latest' | 'committed'>,
  node: NodeId,
): boolean {
  return [latest, committed].every(({ voters }) => voters.includes(node)) && latest.votersOutgoing.length === 0;
}

/** No vote in the membership that is committed, nor in one that may come after it. */
function isSettledWithoutVote({ latest, committed }: LeaderMembership, node: NodeId): boolean {
  const isSettled = latest.votersOutgoing.length === 0 && !hasVote(committed, node) && !hasVote(latest, node);
  // Who is being added is not done with being told so.
  return isSettled && isMemberOf(latest, node) === isMemberOf(committed, node);
}
