import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nodeId, type NodeId } from './ids.js';
import type { Membership } from './membership.js';
import { hasQuorum, isJoint, isMember, isVoter, otherMembers, otherVoters, quorumValue } from './quorum.js';
import { membershipOf, N1, N2, N3, N4, N5 } from './test-support/raft-builders.js';

const NODES = Array.from({ length: 9 }, (_, number) => nodeId(`n${number}`));
const someNodes = (minLength: number) => fc.subarray(NODES, { minLength });
const memberships: fc.Arbitrary<Membership> = fc.record({
  voters: someNodes(1),
  votersOutgoing: someNodes(0),
  learners: someNodes(0),
});
const values = fc.array(fc.nat(20), { minLength: NODES.length, maxLength: NODES.length });
const valueIn =
  (all: readonly number[]) =>
  (node: NodeId): number =>
    all[NODES.indexOf(node)] ?? 0;

describe('quorum, Raft §5.2 and §6', () => {
  it.each([
    { voters: 1, needed: 1 },
    { voters: 2, needed: 2 },
    { voters: 3, needed: 2 },
    { voters: 4, needed: 3 },
    { voters: 5, needed: 3 },
    { voters: 6, needed: 4 },
    { voters: 7, needed: 4 },
  ])('needs $needed of $voters voters', ({ voters, needed }) => {
    const membership = membershipOf(NODES.slice(0, voters));
    expect(hasQuorum(membership, (node) => NODES.indexOf(node) < needed)).toBe(true);
    expect(hasQuorum(membership, (node) => NODES.indexOf(node) < needed - 1)).toBe(false);
  });

  it('needs both majorities while the membership is joint', () => {
    const joint = membershipOf([N1, N2, N3], { votersOutgoing: [N4] });
    expect(hasQuorum(joint, (node) => node !== N4)).toBe(false);
    expect(hasQuorum(joint, (node) => node === N1 || node === N4)).toBe(false);
    expect(hasQuorum(joint, (node) => node !== N1)).toBe(true);
    expect(quorumValue(joint, (node) => (node === N4 ? 3 : 9))).toBe(3);
  });

  it('is never reached without voters', () => {
    const nobody = membershipOf([], { learners: [N1] });
    expect(hasQuorum(nobody, () => true)).toBe(false);
    expect(quorumValue(nobody, () => 7)).toBe(-Infinity);
  });

  it('of any two quorums shares a voter', () => {
    fc.assert(
      fc.property(memberships, someNodes(0), (membership, side) => {
        const inside = hasQuorum(membership, (node) => side.includes(node));
        const outside = hasQuorum(membership, (node) => !side.includes(node));
        expect(inside && outside).toBe(false);
      }),
    );
  });

  it('has reached its value and no greater one', () => {
    fc.assert(
      fc.property(memberships, values, (membership, all) => {
        const valueOf = valueIn(all);
        const reached = quorumValue(membership, valueOf);
        expect(hasQuorum(membership, (node) => valueOf(node) >= reached)).toBe(true);
        expect(hasQuorum(membership, (node) => valueOf(node) > reached)).toBe(false);
      }),
    );
  });

  it('does not depend on learners', () => {
    fc.assert(
      fc.property(memberships, values, someNodes(0), (membership, all, learners) => {
        expect(quorumValue({ ...membership, learners }, valueIn(all))).toBe(quorumValue(membership, valueIn(all)));
      }),
    );
  });
});

describe('members', () => {
  const joint = membershipOf([N1, N2], { votersOutgoing: [N2, N3], learners: [N4] });

  it('names each other voter once, of both sets', () => {
    expect(otherVoters(joint, N1)).toEqual([N2, N3]);
    expect(isVoter(joint, N3)).toBe(true);
    expect(isVoter(joint, N4)).toBe(false);
    expect([isJoint(joint), isJoint(membershipOf([N1]))]).toEqual([true, false]);
  });

  it('names learners among those who receive entries', () => {
    expect(otherMembers(joint, N2)).toEqual([N1, N3, N4]);
    expect([N1, N3, N4, N5].map((node) => isMember(joint, node))).toEqual([true, true, true, false]);
  });
});
