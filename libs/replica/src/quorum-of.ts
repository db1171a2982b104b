import type { Membership, NodeId } from '@latchkey/raft';

/** Whether a majority of the voters, of both sets while the membership is joint, fulfils this (Raft §6). */
export function hasMajority(membership: Membership, fulfils: (voter: NodeId) => boolean): boolean {
  const { voters, votersOutgoing } = membership;
  return [voters, votersOutgoing].every(
    (set) => set.length === 0 || set.filter(fulfils).length > Math.floor(set.length / 2),
  );
}

export function hasVote({ voters, votersOutgoing }: Membership, node: NodeId): boolean {
  return voters.includes(node) || votersOutgoing.includes(node);
}

export function isMemberOf(membership: Membership, node: NodeId): boolean {
  return hasVote(membership, node) || membership.learners.includes(node);
}

/** Each once. */
export function votersOf({ voters, votersOutgoing }: Membership): readonly NodeId[] {
  return [...new Set([...voters, ...votersOutgoing])];
}

export const NO_MEMBERS: Membership = { voters: [], votersOutgoing: [], learners: [] };
