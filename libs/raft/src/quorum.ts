import type { NodeId } from './ids.js';
import type { Membership } from './membership.js';

/**
 * Whether the nodes for which `has` holds decide: a majority of the voters and, while the membership is joint, also a
 * majority of the outgoing ones (Raft §6). Nobody else counts. No voters, no decision.
 */
export function hasQuorum(membership: Membership, has: (voter: NodeId) => boolean): boolean {
  if (!hasMajority(membership.voters, has)) return false;
  return !isJoint(membership) || hasMajority(membership.votersOutgoing, has);
}

/**
 * The greatest value that a quorum has reached: of match indices the one that is stored on a majority, of times the one
 * since when a majority was heard. -Infinity when there are no voters.
 */
export function quorumValue(membership: Membership, valueOf: (voter: NodeId) => number): number {
  const value = majorityValue(membership.voters, valueOf);
  if (!isJoint(membership)) return value;
  return Math.min(value, majorityValue(membership.votersOutgoing, valueOf));
}

/** A change of voters is half done: both sets must agree to every decision (Raft §6). */
export function isJoint(membership: Membership): boolean {
  return membership.votersOutgoing.length > 0;
}

/** Whether the node receives entries, with a vote or without. */
export function isMember(membership: Membership, node: NodeId): boolean {
  return isVoter(membership, node) || membership.learners.includes(node);
}

export function isVoter(membership: Membership, node: NodeId): boolean {
  return membership.voters.includes(node) || membership.votersOutgoing.includes(node);
}

/** Every voter but `self`, each once. */
export function otherVoters(membership: Membership, self: NodeId): readonly NodeId[] {
  return distinctOthers([...membership.voters, ...membership.votersOutgoing], self);
}

/** Everybody who receives entries: voters of both sets and learners, but `self`, each once. */
export function otherMembers(membership: Membership, self: NodeId): readonly NodeId[] {
  return distinctOthers([...membership.voters, ...membership.votersOutgoing, ...membership.learners], self);
}

function hasMajority(voters: readonly NodeId[], has: (voter: NodeId) => boolean): boolean {
  let count = 0;
  for (const voter of voters) if (has(voter)) count += 1;
  return count * 2 > voters.length;
}

function majorityValue(voters: readonly NodeId[], valueOf: (voter: NodeId) => number): number {
  const descending = voters.map(valueOf).sort((left, right) => right - left);
  return descending[Math.floor(voters.length / 2)] ?? -Infinity;
}

function distinctOthers(nodes: readonly NodeId[], self: NodeId): readonly NodeId[] {
  return [...new Set(nodes)].filter((node) => node !== self);
}
