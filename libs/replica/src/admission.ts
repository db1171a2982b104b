import type { LogIndex, Membership, NodeId } from '@latchkey/raft';
import type { StoreVerdict } from './ports/identity-messages.js';
import { hasMajority, hasVote, votersOf } from './quorum-of.js';
import type { StoreStanding } from './store-standing.js';

export type AdmissionAnswer = {
  readonly verdict: StoreVerdict;
  readonly hasFounded: boolean;
  readonly membership: Membership;
  readonly membershipIndex: LogIndex;
};

export type AdmissionDecision =
  | { readonly type: 'wait' }
  | { readonly type: 'admitted' }
  /** The others say that this store has lost what it held, and that they count on it. */
  | { readonly type: 'lost'; readonly reason: 'replaced' | 'behind' }
  | { readonly type: 'removed' };

export type AdmissionOptions = {
  readonly nodeId: NodeId;
  readonly standing: StoreStanding;
  /** From the moment at which a majority has welcomed the node. */
  readonly graceMs: number;
};

/**
 * Whether a node may take part with the store that it has found (FAILURE-MODES 32). Before that it gives no vote and
 * confirms no entry: a store that was wiped or restored has forgotten what others may count on.
 *
 * One that has taken part before needs the word of a majority, itself counted, as Raft does for everything. The first start
 * of all needs every founder once: a wiped node among them could not be told from a new one by fewer. One that joins waits
 * for a majority to say that it has no vote: it may have had one, and have been wiped.
 */
export class Admission {
  private readonly answers = new Map<NodeId, AdmissionAnswer>();
  /** What this node makes of the stores of the others. */
  private readonly verdicts = new Map<NodeId, StoreVerdict>();
  private admissibleSinceMs = Infinity;

  constructor(private readonly options: AdmissionOptions) {}

  /** What this node makes of the store of `peer`. */
  judged(peer: NodeId, verdict: StoreVerdict): void {
    this.verdicts.set(peer, verdict);
  }

  answered(peer: NodeId, answer: AdmissionAnswer): void {
    this.answers.set(peer, answer);
  }

  decide(nowMs: number): AdmissionDecision {
    const { kind, membershipIndex: ownIndex } = this.options.standing;
    if (kind === 'alone') return { type: 'admitted' };
    for (const [peer, answer] of this.answers) {
      if (!this.isTrusted(peer, answer)) continue;
      const { verdict, membershipIndex } = answer;
      if (verdict === 'behind') return { type: 'lost', reason: verdict };
      // Who knows of no later membership may remember a store that was given up since. Another one is only taken for that of
      // a node without a vote: who has seen a later one than this knows of the change that took the vote.
      const isOfLater = kind === 'returning' ? membershipIndex > ownIndex : membershipIndex >= ownIndex;
      if (verdict === 'replaced' && isOfLater) return { type: 'lost', reason: verdict };
      if (verdict === 'noVote' && kind === 'founding') return { type: 'lost', reason: 'replaced' };
    }
    if (this.isRemoved()) return { type: 'removed' };
    if (this.isForgotten()) return { type: 'lost', reason: 'replaced' };
    return this.isAdmitted(nowMs) ? { type: 'admitted' } : { type: 'wait' };
  }

  /** The latest place in the log at which somebody who counts knows of a membership. */
  get knownIndex(): LogIndex {
    let known = this.options.standing.membershipIndex;
    for (const [peer, answer] of this.answers) {
      if (answer.membershipIndex > known && this.isTrusted(peer, answer)) known = answer.membershipIndex;
    }
    return known;
  }

  /** When `decide` may say something else without another answer; Infinity when it cannot. */
  nextDeadlineMs(): number {
    return this.admissibleSinceMs + this.options.graceMs;
  }

  private isAdmitted(nowMs: number): boolean {
    const { nodeId, standing } = this.options;
    const membership = this.latestMembership();
    // One that has nothing and has a vote had something: whoever knows of it will say so.
    if (membership === null || (this.joins && hasVote(membership, nodeId))) return false;
    const isWelcomedBy = (voter: NodeId): boolean => voter === nodeId || this.welcomeOf(voter) !== null;
    if (votersOf(membership).every(isWelcomedBy)) return true;
    // A founder that died in the middle of the first start: the others remember this very store, unused.
    const isFounded = standing.kind !== 'founding' || this.hasFoundedWelcome();
    if (!isFounded || !hasMajority(membership, isWelcomedBy)) {
      this.admissibleSinceMs = Infinity;
      return false;
    }
    this.admissibleSinceMs = Math.min(this.admissibleSinceMs, nowMs);
    return nowMs >= this.admissibleSinceMs + this.options.graceMs;
  }

  /**
   * One voice is not enough: it may be that of a node which was removed later, has not heard of it, and does not know that this
   * one has been added again.
   */
  private isRemoved(): boolean {
    const { membershipIndex: ownIndex } = this.options.standing;
    const membership = this.latestMembership();
    if (membership === null) return false;
    return hasMajority(membership, (voter) => {
      const answer = this.answers.get(voter);
      if (answer?.verdict !== 'notMember' || answer.membershipIndex <= ownIndex) return false;
      return this.isTrusted(voter, answer);
    });
  }

  /**
   * Who came later may never have met a founder that only begins now, so that one such voice says nothing. Where a majority does
   * not know its store, nobody is left to welcome it.
   */
  private isForgotten(): boolean {
    const membership = this.latestMembership();
    if (membership === null) return false;
    return hasMajority(membership, (voter) => {
      const answer = this.answers.get(voter);
      return answer?.verdict === 'unknown' && this.isTrusted(voter, answer);
    });
  }

  /** The voters of the own log may have left long ago. Null when it names none, and nobody has said who they are. */
  private latestMembership(): Membership | null {
    const { standing } = this.options;
    let latest: Pick<AdmissionAnswer, 'membership' | 'membershipIndex'> | null =
      votersOf(standing.membership).length === 0 ? null : standing;
    for (const [peer, answer] of this.answers) {
      if (votersOf(answer.membership).length === 0 || !this.isTrusted(peer, answer)) continue;
      if (latest === null || answer.membershipIndex > latest.membershipIndex) latest = answer;
    }
    return latest?.membership ?? null;
  }

  private get joins(): boolean {
    return this.options.standing.kind === 'joining';
  }

  private hasFoundedWelcome(): boolean {
    return votersOf(this.options.standing.membership).some((voter) => this.welcomeOf(voter)?.hasFounded === true);
  }

  private welcomeOf(voter: NodeId): AdmissionAnswer | null {
    const answer = this.answers.get(voter);
    if (answer === undefined || !this.isTrusted(voter, answer)) return null;
    const isWelcome = answer.verdict === 'welcome' || (answer.verdict === 'noVote' && this.joins);
    return isWelcome ? answer : null;
  }

  /**
   * The word of one whose store this node does not believe means nothing: it may have lost more. But one who knows of a later
   * membership may have been given another store while this node was away.
   */
  private isTrusted(peer: NodeId, { membershipIndex }: AdmissionAnswer): boolean {
    const verdict = this.verdicts.get(peer);
    if (verdict === 'replaced' || verdict === 'unknown') return membershipIndex > this.options.standing.membershipIndex;
    return verdict === 'welcome';
  }
}
