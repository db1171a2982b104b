import { describe, expect, it } from 'vitest';
import type { Effect } from './effects.js';
import { term, type NodeId } from './ids.js';
import { InvariantViolation } from './invariant.js';
import type { SnapshotMeta } from './snapshot-meta.js';
import { LoneNode, type LoneNodeOptions } from './test-support/lone-node.js';
import {
  appendAccepted,
  appendRequest,
  commandEntry,
  entriesOfTerms,
  hardState,
  membershipOf,
  N1,
  N2,
  N3,
  N4,
  N5,
  position,
  snapshotAt,
  termsOf,
  voteRequest,
  voteResponse,
} from './test-support/raft-builders.js';

/** A follower of N2 in term 5 whose first two entries are committed. */
function follower(options: LoneNodeOptions = {}): LoneNode {
  const node = new LoneNode({ entries: entriesOfTerms(1, 1, 2, 2, 3), hardState: hardState(5), ...options });
  node.receive(N2, appendRequest({ term: 5, prevLogIndex: 2, prevLogTerm: 1, leaderCommit: 2 }));
  node.takeSent();
  node.outcomes.length = 0;
  return node;
}

const receive = (node: LoneNode, snapshot: SnapshotMeta, { leaderTerm = 5, from = N2 } = {}): Effect[] =>
  node.step({ type: 'snapshotReceived', from, term: term(leaderTerm), snapshot });

const isInstalled = (effects: readonly Effect[]): boolean => effects.some(({ type }) => type === 'installSnapshot');

describe('a snapshot of the leader, Raft §7', () => {
  it('is installed by the one write of the step, and acknowledged when that is done', () => {
    const node = follower();
    node.autoPersist = false;
    const effects = receive(node, snapshotAt(9, 4));
    expect(effects).toEqual([
      { type: 'installSnapshot', persistId: 1, hardState: null, snapshot: snapshotAt(9, 4), keepsTail: false },
      { type: 'membershipCommitted', index: 9, membership: snapshotAt(9, 4).membership },
      { type: 'send', to: N2, message: appendAccepted(5, 9), afterPersist: 1 },
    ]);
    expect(node.sent).toEqual([]);
    expect(node.status).toMatchObject({ commitIndex: 9, lastApplied: 0, snapshotIndex: 9, lastLogIndex: 9 });
    node.completeWrites();
    expect(node.takeSentTo(N2)).toEqual([appendAccepted(5, 9)]);
  });

  it('is followed by entries, which are applied after it', () => {
    const node = follower();
    receive(node, snapshotAt(9, 4));
    node.applied.length = 0;
    const entries = [commandEntry(10, 5), commandEntry(11, 5)];
    node.receive(N2, appendRequest({ term: 5, prevLogIndex: 9, prevLogTerm: 4, entries, leaderCommit: 11 }));
    expect(node.applied).toEqual(entries);
    expect([node.logBase, node.log]).toEqual([position(9, 4), entries]);
  });

  it('brings its term, which is written together with it', () => {
    const node = follower();
    node.autoPersist = false;
    const [install, roleChanged] = receive(node, snapshotAt(9, 6), { leaderTerm: 6, from: N3 });
    expect(install).toMatchObject({ type: 'installSnapshot', hardState: hardState(6) });
    expect(roleChanged).toEqual({ type: 'roleChanged', role: 'follower', term: 6, leaderId: N3 });
  });

  it('does not count as durable before it is: a heartbeat meanwhile is answered with what was', () => {
    const node = follower();
    node.autoPersist = false;
    receive(node, snapshotAt(9, 4));
    node.receive(N2, appendRequest({ term: 5, prevLogIndex: 9, prevLogTerm: 4, leaderCommit: 9 }));
    expect(node.takeSentTo(N2)).toEqual([appendAccepted(5, 2)]);
    node.completeWrites();
    node.takeSent();
    node.receive(N2, appendRequest({ term: 5, prevLogIndex: 9, prevLogTerm: 4, leaderCommit: 9 }));
    expect(node.takeSentTo(N2)).toEqual([appendAccepted(5, 9)]);
  });

  it('may come twice in a row, each further than the other (etcd #18055)', () => {
    const node = follower();
    node.autoPersist = false;
    expect(isInstalled(receive(node, snapshotAt(9, 4)))).toBe(true);
    expect(isInstalled(receive(node, snapshotAt(12, 5)))).toBe(true);
    node.completeWrites(1);
    expect(node.takeSentTo(N2)).toEqual([appendAccepted(5, 9)]);
    node.completeWrites();
    expect(node.takeSentTo(N2)).toEqual([appendAccepted(5, 12)]);
    expect(node.status).toMatchObject({ commitIndex: 12, firstLogIndex: 13 });
  });

  it('that comes while entries are being written waits for its turn, and the late report of these counts no more', () => {
    const node = follower();
    node.autoPersist = false;
    const entries = [commandEntry(6, 3), commandEntry(7, 3)];
    node.receive(N2, appendRequest({ term: 5, prevLogIndex: 5, prevLogTerm: 3, entries }));
    receive(node, snapshotAt(9, 4));
    node.completeWrites(1);
    node.receive(N2, appendRequest({ term: 5, prevLogIndex: 9, prevLogTerm: 4 }));
    expect(node.sent.at(-1)?.message).toEqual(appendAccepted(5, 2));
  });
});

describe('the log beyond a snapshot (FAILURE-MODES 19)', () => {
  it('stays when it holds the last entry of the snapshot', () => {
    const node = follower();
    expect(receive(node, snapshotAt(4, 2))[0]).toMatchObject({ type: 'installSnapshot', keepsTail: true });
    expect(node.status).toMatchObject({ commitIndex: 4, firstLogIndex: 5, lastLogIndex: 5 });
    expect(termsOf(node.log)).toEqual([3]);
  });

  it('is dropped when it differs there, so that the leader can go on from the snapshot', () => {
    const node = follower();
    expect(receive(node, snapshotAt(4, 4))[0]).toMatchObject({ type: 'installSnapshot', keepsTail: false });
    expect(node.log).toEqual([]);
    node.takeSent();
    const entries = [commandEntry(5, 5)];
    node.receive(N2, appendRequest({ term: 5, prevLogIndex: 4, prevLogTerm: 4, entries }));
    expect(node.takeSentTo(N2)).toEqual([appendAccepted(5, 5)]);
  });

  it('is dropped when it is shorter', () => {
    const node = follower();
    receive(node, snapshotAt(6, 3));
    expect(node.status).toMatchObject({ firstLogIndex: 7, lastLogIndex: 6 });
  });
});

describe('a snapshot that is not needed', () => {
  it.each([
    ['is behind the commit index', 1, 1],
    ['is at the commit index', 2, 1],
  ])('because it %s is answered with what is committed, and not installed', (_, index, entryTerm) => {
    const node = follower();
    expect(isInstalled(receive(node, snapshotAt(index, entryTerm)))).toBe(false);
    expect(node.takeSentTo(N2)).toEqual([appendAccepted(5, 2)]);
    expect(node.status).toMatchObject({ commitIndex: 2, firstLogIndex: 1, snapshotIndex: 0 });
  });

  it('because it has just come is not installed again, nor acknowledged before the first is done', () => {
    const node = follower();
    node.autoPersist = false;
    receive(node, snapshotAt(9, 4));
    expect(isInstalled(receive(node, snapshotAt(9, 4)))).toBe(false);
    expect(node.takeSentTo(N2)).toEqual([appendAccepted(5, 2)]);
  });

  it('because its leader is of an old term means nothing', () => {
    const node = follower();
    expect(receive(node, snapshotAt(9, 4), { leaderTerm: 4, from: N3 })).toEqual([]);
    expect(node.status).toMatchObject({ leaderId: N2, lastLogIndex: 5 });
  });

  it.each([
    ['of a term that its leader cannot know', snapshotAt(9, 6), 5, N2],
    ['of an absurd term', snapshotAt(9, 6), 2 ** 50, N2],
    ['of the node itself', snapshotAt(9, 4), 5, N1],
  ] as const)('because it is damaged, %s, means nothing', (_, snapshot, leaderTerm, from: NodeId) => {
    expect(receive(follower(), snapshot, { leaderTerm, from })).toEqual([]);
  });

  it('because two nodes lead in one term stops this one', () => {
    expect(() => receive(follower(), snapshotAt(9, 4), { from: N3 })).toThrow(InvariantViolation);
  });
});

describe('whoever gets a snapshot of a valid leader', () => {
  it.each(['preCandidate', 'candidate'] as const)(
    'and is a %s steps down first and takes it (nebula #1769)',
    (role) => {
      const node = follower();
      if (role === 'preCandidate') node.timeout();
      else node.becomeCandidate();
      expect(node.status.role).toBe(role);
      const leaderTerm = node.status.currentTerm;
      expect(isInstalled(receive(node, snapshotAt(9, 4), { leaderTerm, from: N3 }))).toBe(true);
      expect(node.status).toMatchObject({ role: 'follower', leaderId: N3, commitIndex: 9 });
    },
  );

  it('and leads in an older term steps down first and takes it', () => {
    const node = follower();
    node.becomeLeader();
    const leaderTerm = node.status.currentTerm + 1;
    expect(isInstalled(receive(node, snapshotAt(9, 4), { leaderTerm, from: N3 }))).toBe(true);
    expect(node.status).toMatchObject({ role: 'follower', leaderId: N3, currentTerm: leaderTerm });
  });

  it('has heard the leader by it, and does not campaign', () => {
    const node = follower();
    node.nowMs = node.nextDeadlineMs - 1;
    receive(node, snapshotAt(9, 4));
    node.advance(2);
    expect(node.status.role).toBe('follower');
  });
});

describe('the membership of a snapshot', () => {
  it.each([
    ['voters', membershipOf([N1, N2, N4])],
    ['learners', membershipOf([N2, N3], { learners: [N1, N4] })],
    ['outgoing voters of a joint one', membershipOf([N1, N2, N3], { votersOutgoing: [N1, N4, N5] })],
  ])('is in force with its %s as soon as it is installed', (_, membership) => {
    const node = follower();
    receive(node, snapshotAt(9, 4, membership));
    expect(node.status.membership).toEqual(membership);
  });

  it('in which the node is the only voter is not installed: it must have lost what it had, and its vote with it', () => {
    const node = follower();
    expect(isInstalled(receive(node, snapshotAt(9, 4, membershipOf([N1], { learners: [N2] }))))).toBe(false);
    expect(node.status).toMatchObject({ leaderId: N2, commitIndex: 2, lastLogIndex: 5 });
    expect(isInstalled(receive(node, snapshotAt(12, 4, membershipOf([N2], { learners: [N1] }))))).toBe(true);
  });

  it('takes the place of one that the dropped log brought', () => {
    const change = { type: 'membership', ...position(6, 3), membership: membershipOf([N1, N5]) } as const;
    const node = follower({ entries: [...entriesOfTerms(1, 1, 2, 2, 3), change] });
    expect(node.status.membership.voters).toEqual([N1, N5]);
    receive(node, snapshotAt(9, 4, membershipOf([N1, N2])));
    expect(node.status.membership.voters).toEqual([N1, N2]);
  });

  it('decides who must vote: of a joint one, both majorities', () => {
    const node = follower();
    receive(node, snapshotAt(9, 4, membershipOf([N1, N2, N3], { votersOutgoing: [N1, N4, N5] })));
    node.becomeCandidate();
    const { currentTerm } = node.status;
    node.receive(N2, voteResponse(currentTerm, true));
    expect(node.status.role).toBe('candidate');
    node.receive(N4, voteResponse(currentTerm, true));
    expect(node.status.role).toBe('leader');
  });
});

describe('elections after a snapshot', () => {
  it('refuse a candidate whose log ends before it', () => {
    const node = follower();
    receive(node, snapshotAt(9, 4));
    node.takeSent();
    node.step({ type: 'peerDown', peer: N2 });
    node.receive(N3, voteRequest({ term: 6, lastLogIndex: 8, lastLogTerm: 4 }));
    expect(node.takeSentTo(N3)).toMatchObject([{ type: 'voteResponse', voteGranted: false }]);
  });

  it('are won only when the installation is on disk: the own vote waits behind it', () => {
    const node = follower({ voters: [N1, N2] });
    node.autoPersist = false;
    receive(node, snapshotAt(9, 4, membershipOf([N1, N2])));
    node.becomeCandidate();
    node.receive(N2, voteResponse(node.status.currentTerm, true));
    node.completeWrites(1);
    expect(node.status.role).toBe('candidate');
    node.completeWrites();
    expect(node.status.role).toBe('leader');
  });
});
