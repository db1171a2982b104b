import type { NodeId } from './ids.js';
import { assertNever } from './invariant.js';
import {
  MAX_LEARNERS,
  MAX_VOTERS,
  type Membership,
  type MembershipChange,
  type MembershipRefusal,
} from './membership.js';
import { isMember } from './quorum.js';

/*
 * Which membership a change leads to, and on which way (docs/decisions/0010-joint-consensus.md). Pure: the same on every
 * node and in every test.
 */

type Change<Type extends MembershipChange['type']> = Extract<MembershipChange, { readonly type: Type }>;

/**
 * The membership when the change is through, never joint; or why there is none.
 * @param current not joint
 * @param isCaughtUp whether a learner may be given a vote
 */
export function plannedMembership(
  current: Membership,
  change: MembershipChange,
  isCaughtUp: (learner: NodeId) => boolean,
): Membership | MembershipRefusal {
  switch (change.type) {
    case 'addLearner':
      return withLearner(current, change);
    case 'promote':
      if (!isMember(current, change.node)) return 'notMember';
      if (!current.learners.includes(change.node)) return 'notLearner';
      return withVoters(current, [...current.voters, change.node], isCaughtUp);
    case 'demote':
      return withoutVote(current, change);
    case 'remove':
      return without(current, change);
    case 'setVoters':
      return withVoters(current, change.voters, isCaughtUp);
    default:
      return assertNever(change);
  }
}

/**
 * The entry to append on the way to `target`. Learners decide nothing, so they come and go in one step. Whatever changes the
 * voters passes through the joint membership, in which both sets must agree: no majority of the one can then decide
 * without the other (Raft §6, FAILURE-MODES 17).
 */
export function firstStepTowards(current: Membership, target: Membership): Membership {
  if (hasSameVoters(current.voters, target.voters)) return target;
  return membershipOf({ ...target, votersOutgoing: current.voters }, current.addresses);
}

/** The second half of a change of voters: the outgoing ones go, and their addresses with them. */
export function afterJoint(joint: Membership): Membership {
  return membershipOf({ ...joint, votersOutgoing: [] }, joint.addresses);
}

function withLearner(current: Membership, { node, address }: Change<'addLearner'>): Membership | MembershipRefusal {
  if (isMember(current, node)) return 'alreadyMember';
  if (current.learners.length >= MAX_LEARNERS) return 'tooManyMembers';
  const addresses = address === null ? current.addresses : { ...current.addresses, [node]: address };
  return membershipOf({ ...current, learners: [...current.learners, node] }, addresses);
}

function withoutVote(current: Membership, { node }: Change<'demote'>): Membership | MembershipRefusal {
  if (!isMember(current, node)) return 'notMember';
  if (!current.voters.includes(node)) return 'notVoter';
  if (current.voters.length === 1) return 'noVoterLeft';
  if (current.learners.length >= MAX_LEARNERS) return 'tooManyMembers';
  const learners = [...current.learners, node];
  return membershipOf({ ...current, voters: allBut(current.voters, node), learners }, current.addresses);
}

function without(current: Membership, { node }: Change<'remove'>): Membership | MembershipRefusal {
  if (!isMember(current, node)) return 'notMember';
  const voters = allBut(current.voters, node);
  if (voters.length === 0) return 'noVoterLeft';
  return membershipOf({ ...current, voters, learners: allBut(current.learners, node) }, current.addresses);
}

function withVoters(
  current: Membership,
  wanted: readonly NodeId[],
  isCaughtUp: (learner: NodeId) => boolean,
): Membership | MembershipRefusal {
  const voters = [...new Set(wanted)];
  if (voters.length === 0) return 'noVoterLeft';
  if (voters.length > MAX_VOTERS) return 'tooManyMembers';
  if (!voters.every((node) => isMember(current, node))) return 'notMember';
  if (hasSameVoters(current.voters, voters)) return 'alreadyMember';
  if (!voters.every((node) => current.voters.includes(node) || isCaughtUp(node))) return 'notCaughtUp';
  const learners = current.learners.filter((node) => !voters.includes(node));
  return membershipOf({ ...current, voters, learners }, current.addresses);
}

/** Keeps the addresses of its members and no others. */
function membershipOf(parts: Membership, addresses: Membership['addresses'] = {}): Membership {
  const { voters, votersOutgoing, learners } = parts;
  const members: ReadonlySet<string> = new Set([...voters, ...votersOutgoing, ...learners]);
  const kept = Object.entries(addresses).filter(([node]) => members.has(node));
  const membership = { voters, votersOutgoing, learners };
  return kept.length === 0 ? membership : { ...membership, addresses: Object.fromEntries(kept) };
}

function hasSameVoters(left: readonly NodeId[], right: readonly NodeId[]): boolean {
  return left.length === right.length && left.every((node) => right.includes(node));
}

function allBut(nodes: readonly NodeId[], node: NodeId): readonly NodeId[] {
  return nodes.filter((other) => other !== node);
}
