import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nodeId, type NodeId } from './ids.js';
import { MAX_LEARNERS, MAX_VOTERS, type Membership, type MembershipChange } from './membership.js';
import { afterJoint, firstStepTowards, plannedMembership } from './membership-plan.js';
import { hasQuorum, isJoint } from './quorum.js';
import { membershipOf, N1, N2, N3, N4, N5, THREE_NODES } from './test-support/raft-builders.js';

const NODES = Array.from({ length: 6 }, (_, number) => nodeId(`n${number + 1}`));
const SIDES = Array.from({ length: 2 ** NODES.length }, (_, bits) => NODES.filter((__, at) => (bits >> at) & 1));
const MANY = Array.from({ length: MAX_VOTERS + MAX_LEARNERS + 1 }, (_, number) => nodeId(`many${number}`));
const SEQUENCES = 300;
const CHANGES_IN_A_ROW = 12;

const anyone = (): boolean => true;
const nobody = (): boolean => false;
const withLearner = membershipOf(THREE_NODES, { learners: [N4] });

/** Every membership that the log holds on the way, the first one included. */
function way(start: Membership, change: MembershipChange): Membership[] {
  const target = plannedMembership(start, change, anyone);
  if (typeof target === 'string') return [start];
  const first = firstStepTowards(start, target);
  return isJoint(first) ? [start, first, afterJoint(first)] : [start, first];
}

describe('plan of a membership change', () => {
  it('lets learners come and go in one step, since they decide nothing', () => {
    expect(way(membershipOf(THREE_NODES), { type: 'addLearner', node: N4, address: null })).toEqual([
      membershipOf(THREE_NODES),
      withLearner,
    ]);
    expect(way(withLearner, { type: 'remove', node: N4 })).toEqual([withLearner, membershipOf(THREE_NODES)]);
  });

  it('leads every change of voters through a joint membership, also from one voter to two', () => {
    const one = membershipOf([N1], { learners: [N2] });
    expect(way(one, { type: 'promote', node: N2 })).toEqual([
      one,
      membershipOf([N1, N2], { votersOutgoing: [N1] }),
      membershipOf([N1, N2]),
    ]);
  });

  it('keeps a demoted voter as a learner, from the joint membership on', () => {
    expect(way(membershipOf(THREE_NODES), { type: 'demote', node: N2 }).slice(1)).toEqual([
      membershipOf([N1, N3], { votersOutgoing: THREE_NODES, learners: [N2] }),
      membershipOf([N1, N3], { learners: [N2] }),
    ]);
  });

  it('replaces all voters in one go, and drops the old ones', () => {
    const start = membershipOf([N1, N2], { learners: [N3, N4, N5] });
    expect(way(start, { type: 'setVoters', voters: [N3, N4, N3] }).slice(1)).toEqual([
      membershipOf([N3, N4], { votersOutgoing: [N1, N2], learners: [N5] }),
      membershipOf([N3, N4], { learners: [N5] }),
    ]);
  });

  it('carries addresses as long as their node is a member, so that outgoing voters stay reachable', () => {
    const [, added] = way(membershipOf(THREE_NODES), { type: 'addLearner', node: N4, address: 'four:1' });
    expect(added?.addresses).toEqual({ [N4]: 'four:1' });
    const [, , promoted] = way(added ?? withLearner, { type: 'promote', node: N4 });
    expect(promoted?.addresses).toEqual({ [N4]: 'four:1' });
    const [, joint, removed] = way(promoted ?? withLearner, { type: 'remove', node: N4 });
    expect(joint?.addresses).toEqual({ [N4]: 'four:1' });
    expect(removed).toEqual(membershipOf(THREE_NODES));
  });

  it('counts voters as a set: the same ones in another order are no change', () => {
    expect(plannedMembership(withLearner, { type: 'setVoters', voters: [N3, N1, N2, N1] }, anyone)).toBe(
      'alreadyMember',
    );
  });

  it.each<[string, Membership, MembershipChange]>([
    ['alreadyMember', withLearner, { type: 'addLearner', node: N4, address: null }],
    ['alreadyMember', withLearner, { type: 'addLearner', node: N2, address: null }],
    ['notMember', withLearner, { type: 'promote', node: N5 }],
    ['notLearner', withLearner, { type: 'promote', node: N2 }],
    ['notMember', withLearner, { type: 'demote', node: N5 }],
    ['notVoter', withLearner, { type: 'demote', node: N4 }],
    ['noVoterLeft', membershipOf([N1], { learners: [N2] }), { type: 'demote', node: N1 }],
    ['notMember', withLearner, { type: 'remove', node: N5 }],
    ['noVoterLeft', membershipOf([N1], { learners: [N2] }), { type: 'remove', node: N1 }],
    ['noVoterLeft', withLearner, { type: 'setVoters', voters: [] }],
    ['notMember', withLearner, { type: 'setVoters', voters: [N1, N5] }],
    [
      'tooManyMembers',
      membershipOf([N1], { learners: MANY.slice(0, MAX_LEARNERS) }),
      { type: 'addLearner', node: N2, address: null },
    ],
    ['tooManyMembers', membershipOf([N1, N2], { learners: MANY.slice(0, MAX_LEARNERS) }), { type: 'demote', node: N2 }],
    ['tooManyMembers', membershipOf(MANY.slice(0, MAX_VOTERS), { learners: [N1] }), { type: 'promote', node: N1 }],
    ['tooManyMembers', withLearner, { type: 'setVoters', voters: MANY.slice(0, MAX_VOTERS + 1) }],
  ])('is refused: %s', (reason, current, change) => {
    expect(plannedMembership(current, change, anyone)).toBe(reason);
  });

  it('gives no vote to a learner that is not caught up, also not among several', () => {
    expect(plannedMembership(withLearner, { type: 'promote', node: N4 }, nobody)).toBe('notCaughtUp');
    const start = membershipOf([N1], { learners: [N2, N3] });
    const both: MembershipChange = { type: 'setVoters', voters: [N1, N2, N3] };
    expect(plannedMembership(start, both, (node) => node === N2)).toBe('notCaughtUp');
  });
});

describe('quorums along a sequence of changes (FAILURE-MODES 16, 17)', () => {
  const node = fc.constantFrom(...NODES);
  const change: fc.Arbitrary<MembershipChange> = fc.oneof(
    fc.record({ type: fc.constant('addLearner' as const), node, address: fc.constant(null) }),
    fc.record({ type: fc.constantFrom('promote' as const, 'demote' as const, 'remove' as const), node }),
    fc.record({ type: fc.constant('setVoters' as const), voters: fc.subarray(NODES) }),
  );

  it('overlap with those of the next membership: no two majorities can decide without each other', () => {
    let jointSteps = 0;
    fc.assert(
      fc.property(fc.array(change, { minLength: CHANGES_IN_A_ROW, maxLength: CHANGES_IN_A_ROW }), (changes) => {
        let current = membershipOf([N1, N2, N3], { learners: [N4, N5] });
        for (const wanted of changes) {
          const steps = way(current, wanted);
          for (const [at, next] of steps.slice(1).entries()) {
            const before = steps[at] ?? current;
            expect(areDisjointQuorumsPossible(before, next)).toBe(false);
            jointSteps += isJoint(next) ? 1 : 0;
          }
          current = steps.at(-1) ?? current;
          expect(isJoint(current)).toBe(false);
          expect(current.voters.length).toBeGreaterThan(0);
        }
      }),
      { numRuns: SEQUENCES },
    );
    expect(jointSteps).toBeGreaterThan(SEQUENCES / 2);
  });

  it('would not overlap without the joint step: the check bites', () => {
    expect(areDisjointQuorumsPossible(membershipOf(THREE_NODES), membershipOf([N3, N4, N5]))).toBe(true);
  });
});

/** Over all ways to split the nodes into two sides. */
function areDisjointQuorumsPossible(left: Membership, right: Membership): boolean {
  const decides = (membership: Membership, side: readonly NodeId[], isInside: boolean): boolean =>
    hasQuorum(membership, (voter) => side.includes(voter) === isInside);
  return SIDES.some((side) => decides(left, side, true) && decides(right, side, false));
}
