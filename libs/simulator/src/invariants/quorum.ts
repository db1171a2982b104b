import type { Membership, NodeId } from '@latchkey/raft';

/*
 * What decides, written anew from Raft §6: the core's own arithmetic is among what is tested.
 */

/** More than half of them. Nobody is no majority of nobody. */
export function isMajority(voters: readonly NodeId[], has: (voter: NodeId) => boolean): boolean {
  return 2 * voters.filter(has).length > voters.length;
}

/** Every set of voters whose majority is needed for a decision. */
export function voterSetsOf({ voters, votersOutgoing }: Membership): readonly (readonly NodeId[])[] {
  return votersOutgoing.length === 0 ? [voters] : [voters, votersOutgoing];
}

export function isQuorum(membership: Membership, has: (voter: NodeId) => boolean): boolean {
  return voterSetsOf(membership).every((voters) => isMajority(voters, has));
}

export function isJoint({ votersOutgoing }: Membership): boolean {
  return votersOutgoing.length > 0;
}

export function membersOf({ voters, votersOutgoing, learners }: Membership): ReadonlySet<NodeId> {
  return new Set([...voters, ...votersOutgoing, ...learners]);
}

/** Whether no decision of the one can be made without somebody who takes part in any decision of the other. */
export function doQuorumsOverlap(one: Membership, other: Membership): boolean {
  return voterSetsOf(one).some((left) => voterSetsOf(other).some((right) => doMajoritiesOverlap(left, right)));
}

export function isSameMembership(one: Membership, other: Membership): boolean {
  const isSame = (left: readonly NodeId[], right: readonly NodeId[]): boolean =>
    left.length === right.length && left.every((node) => right.includes(node));
  return (
    isSame(one.voters, other.voters) &&
    isSame(one.votersOutgoing, other.votersOutgoing) &&
    isSame(one.learners, other.learners)
  );
}

function doMajoritiesOverlap(one: readonly NodeId[], other: readonly NodeId[]): boolean {
  const all = new Set([...one, ...other]).size;
  return majorityOf(one) + majorityOf(other) > all;
}

const majorityOf = (voters: readonly NodeId[]): number => Math.floor(voters.length / 2) + 1;
