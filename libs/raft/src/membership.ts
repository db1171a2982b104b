import type { NodeId } from './ids.js';

/**
 * Who takes part. While `votersOutgoing` is not empty the membership is joint and every decision needs a majority
 * of both voter sets (Raft §6).
 */
export type Membership = {
  readonly voters: readonly NodeId[];
  readonly votersOutgoing: readonly NodeId[];
  readonly learners: readonly NodeId[];
  /** Where members that came later than the first membership are reached. Raft carries it and never looks inside. */
  readonly addresses?: Readonly<Record<string, string>>;
};

/** More voters make every decision slower and none safer. */
export const MAX_VOTERS = 7;
export const MAX_LEARNERS = 7;

/** One change of the membership, as asked for by a person or a program. */
export type MembershipChange =
  /** Receives entries, has no vote. `address` is kept in the membership; null when every node knows it already. */
  | { readonly type: 'addLearner'; readonly node: NodeId; readonly address: string | null }
  /** Gives a learner that has caught up its vote. */
  | { readonly type: 'promote'; readonly node: NodeId }
  /** Takes a voter its vote; it stays as a learner. */
  | { readonly type: 'demote'; readonly node: NodeId }
  /** Voter or learner; also the leader itself, which then steps down. */
  | { readonly type: 'remove'; readonly node: NodeId }
  /** Exactly these vote afterwards. New ones must be learners that have caught up; old ones not named are removed. */
  | { readonly type: 'setVoters'; readonly voters: readonly NodeId[] };

export type MembershipRefusal =
  | 'notLeader'
  /** Another change is under way, or the leader has not committed an entry of its own term yet (FAILURE-MODES 16). */
  | 'changePending'
  | 'transferring'
  /** It is that already: nothing to change. */
  | 'alreadyMember'
  | 'notMember'
  | 'notLearner'
  | 'notVoter'
  /** The learner is too far behind to vote without slowing the cluster down. */
  | 'notCaughtUp'
  | 'tooManyMembers'
  /** Nobody would be left to vote. */
  | 'noVoterLeft';
