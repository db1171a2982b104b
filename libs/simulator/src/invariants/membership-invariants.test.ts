import { logIndex, nodeId, term, type LogEntry, type Membership, type NodeId } from '@latchkey/raft';
import { describe, expect, it } from 'vitest';
import { Disks, entry, FIRST_MEMBERSHIP, grantsVote, N1, N2, N3, watched } from '../test-support/facts.js';
import { DurableQuorum } from './durable-quorum.js';
import { MembershipOverlap } from './membership-overlap.js';
import { doQuorumsOverlap, isQuorum } from './quorum.js';
import { SilentWhenLost } from './silent-when-lost.js';

const N4 = nodeId('n4');
const members = (
  voters: readonly NodeId[],
  votersOutgoing: readonly NodeId[] = [],
  learners: readonly NodeId[] = [],
) => ({
  voters,
  votersOutgoing,
  learners,
});
const changeAt = (index: number, membership: Membership, inTerm = 1): LogEntry => ({
  type: 'membership',
  index: logIndex(index),
  term: term(inTerm),
  membership,
});
const JOINT = members([N1], [N1, N2, N3]);
const ALONE = members([N1]);

/** The entries, on these disks and committed. */
function committedOn(disks: Disks, nodes: readonly NodeId[], ...entries: readonly LogEntry[]): void {
  for (const node of nodes) disks.write(node, entries);
  for (const { index, term: inTerm } of entries) disks.committed.commit({ index, term: inTerm }, inTerm);
}

describe('quorums, Raft §6', () => {
  it('of a joint membership need a majority of both sets', () => {
    const joint = members([N1, N2, N3], [N4]);
    expect(isQuorum(joint, (node) => node !== N4)).toBe(false);
    expect(isQuorum(joint, (node) => node === N4 || node === N1)).toBe(false);
    expect(isQuorum(joint, (node) => node !== N3)).toBe(true);
    expect(isQuorum(members([]), () => true)).toBe(false);
  });

  it.each([
    ['three to three with another', members([N1, N2, N3]), members([N1, N2, N4]), false],
    ['three to four', members([N1, N2, N3]), members([N1, N2, N3, N4]), true],
    ['three to one of them', members([N1, N2, N3]), members([N1]), false],
    ['three to joint', members([N1, N2, N3]), members([N4], [N1, N2, N3]), true],
    ['joint to its incoming set', members([N4], [N1, N2, N3]), members([N4]), true],
  ])('of %s have somebody in common or not', (_, one, other, doOverlap) => {
    expect(doQuorumsOverlap(one, other)).toBe(doOverlap);
    expect(doQuorumsOverlap(other, one)).toBe(doOverlap);
  });
});

describe('membership overlap, FAILURE-MODES 16 and 17', () => {
  const judged = () => {
    const disks = new Disks();
    return { disks, ...watched((report) => new MembershipOverlap(report, disks.committed)) };
  };

  it('lets voters change by way of a joint membership, each step when the one before is decided', () => {
    const { disks, invariant, reports } = judged();
    invariant.diskWritten(disks.write(N1, [changeAt(1, JOINT)]));
    disks.write(N2, [changeAt(1, JOINT)]);
    invariant.diskWritten(disks.write(N1, [changeAt(2, ALONE)]));
    expect(reports).toEqual([]);
  });

  it('objects to a change without a joint membership in between', () => {
    const { disks, invariant, reports } = judged();
    invariant.diskWritten(disks.write(N1, [changeAt(1, ALONE)]));
    expect(reports).toHaveLength(1);
  });

  it('objects to a joint membership after another, also one that a snapshot has brought', () => {
    const { disks, invariant, reports } = judged();
    committedOn(disks, [N1, N2], changeAt(1, JOINT));
    disks.save(N1, 1, { membership: JOINT });
    disks.compact(N1, 1);
    invariant.diskWritten(disks.write(N1, [changeAt(2, members([N1, N2], [N1]))]));
    expect(reports).toHaveLength(1);
  });

  it('objects to a change that begins before the one before is on the disks of its quorum', () => {
    const { disks, invariant, reports } = judged();
    const learner = members([N1, N2, N3], [], [N4]);
    disks.write(N1, [changeAt(1, learner)]);
    invariant.diskWritten(disks.write(N1, [changeAt(2, FIRST_MEMBERSHIP)]));
    expect(reports).toHaveLength(1);
  });
});

describe('durable quorum, of the membership in force', () => {
  const told = (disks: Disks, index: number) => {
    const { invariant, reports } = watched((report) => new DurableQuorum(report, disks.committed));
    invariant.acknowledged({ client: 'c1', index: logIndex(index) });
    return reports;
  };

  it('needs both sets for the joint entry itself, and the incoming one for what follows', () => {
    const disks = new Disks();
    committedOn(disks, [N1], changeAt(1, JOINT));
    expect(told(disks, 1)).toHaveLength(1);
    committedOn(disks, [N1], entry(2, 1));
    expect(told(disks, 2)).toEqual([]);
    disks.write(N2, [changeAt(1, JOINT)]);
    expect(told(disks, 1)).toEqual([]);
  });

  it('is enough in a later membership: who left may forget', () => {
    const disks = new Disks();
    committedOn(disks, [N1, N2], entry(1, 1), changeAt(2, JOINT));
    committedOn(disks, [N1], changeAt(3, ALONE));
    disks.image(N2).wipe();
    expect(told(disks, 1)).toEqual([]);
    disks.image(N1).wipe();
    expect(told(disks, 1)).toHaveLength(1);
  });
});

describe('silence of a node whose disk has lost something, FAILURE-MODES 32', () => {
  const judged = () => {
    const disks = new Disks();
    return { disks, ...watched((report) => new SilentWhenLost(report, disks.committed)) };
  };
  const vote = grantsVote(N3, N1, term(2));
  const LEARNER = members([N1, N2], [], [N3]);
  const PASSING = members([N1, N2], [N1, N2, N3], [N3]);

  it('is asked of it as long as it has a vote, also in a joint membership', () => {
    const { disks, invariant, reports } = judged();
    invariant.sent(vote);
    expect(reports).toEqual([]);
    disks.image(N3).lose(() => disks.image(N3).wipe());
    invariant.sent(grantsVote(N2, N1, term(2)));
    expect(reports).toEqual([]);
    invariant.sent(vote);
    committedOn(disks, [N1, N2], changeAt(1, PASSING));
    invariant.sent(vote);
    expect(reports).toEqual(Array(2).fill('n3 sent a voteResponse, and its disk has lost what it held'));
  });

  it('is asked of it no more once it has taken part without a vote, until it loses something again', () => {
    const { disks, invariant, reports } = judged();
    disks.image(N3).lose(() => disks.image(N3).wipe());
    committedOn(disks, [N1, N2], changeAt(1, LEARNER));
    invariant.sent(vote);
    committedOn(disks, [N1, N2], changeAt(2, FIRST_MEMBERSHIP));
    invariant.sent(vote);
    expect(reports).toEqual([]);
    disks.image(N3).lose(() => disks.image(N3).wipe());
    invariant.sent(vote);
    expect(reports).toHaveLength(1);
  });

  it('is asked of it with or without a vote when its store says itself that it is lost', () => {
    const { disks, invariant, reports } = judged();
    const image = disks.image(N3);
    image.identity = { ...image.identity, lost: 'diverged' };
    committedOn(disks, [N1, N2], changeAt(1, LEARNER));
    invariant.sent(vote);
    expect(reports).toHaveLength(1);
  });
});
