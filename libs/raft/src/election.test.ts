import { describe, expect, it } from 'vitest';
import { logIndex } from './ids.js';
import { LoneNode } from './test-support/lone-node.js';
import {
  appendRequest,
  commandEntry,
  ELECTION_TIMEOUT_MS,
  entriesOfTerms,
  FIVE_NODES,
  hardState,
  membershipOf,
  N1,
  N2,
  N3,
  N4,
  N5,
  preVoteRequest,
  preVoteResponse,
  THREE_NODES,
  voteRequest,
  voteResponse,
} from './test-support/raft-builders.js';

const JUST_BEFORE_TIMEOUT_MS = ELECTION_TIMEOUT_MS - 1;

describe('pre-vote, Raft thesis §9.6', () => {
  it('asks for a term above its own without adopting it, and writes nothing', () => {
    const node = new LoneNode({ hardState: hardState(4), entries: entriesOfTerms(2, 4) });
    node.timeout();
    expect(node.status).toMatchObject({ role: 'preCandidate', currentTerm: 4, leaderId: null });
    const request = { type: 'preVoteRequest', term: 5, lastLogIndex: 2, lastLogTerm: 4 };
    expect(node.takeSent()).toMatchObject([
      { to: N2, message: request },
      { to: N3, message: request },
    ]);
    expect(node.savedHardState).toEqual(hardState(4));
  });

  it('becomes a candidate only when a majority would vote for it', () => {
    const node = new LoneNode({ voters: FIVE_NODES });
    node.timeout();
    node.receive(N2, preVoteResponse(0, 1, true));
    node.receive(N2, preVoteResponse(0, 1, true));
    node.receive(N4, preVoteResponse(0, 1, false));
    expect(node.status.role).toBe('preCandidate');
    node.receive(N3, preVoteResponse(0, 1, true));
    expect(node.status).toMatchObject({ role: 'candidate', currentTerm: 1 });
  });

  it('does not count grants for another term', () => {
    const node = new LoneNode({ hardState: hardState(4) });
    node.timeout();
    node.receive(N2, preVoteResponse(4, 4, true));
    expect(node.status.role).toBe('preCandidate');
  });

  it('leaves nothing behind at the one who grants it', () => {
    const node = new LoneNode({ hardState: hardState(4) });
    const deadlineMs = node.nextDeadlineMs;
    node.receive(N2, preVoteRequest({ term: 9 }));
    expect(node.takeSentTo(N2)).toMatchObject([{ requestTerm: 9, term: 4, voteGranted: true }]);
    expect(node.status).toMatchObject({ currentTerm: 4, votedFor: null });
    expect(node.nextDeadlineMs).toBe(deadlineMs);
  });

  it('is refused by one who has that term already, and the asker learns of it', () => {
    const node = new LoneNode({ hardState: hardState(4) });
    node.receive(N2, preVoteRequest({ term: 4 }));
    expect(node.takeSentTo(N2)).toMatchObject([{ term: 4, voteGranted: false }]);
    const asker = new LoneNode({ hardState: hardState(3) });
    asker.timeout();
    asker.receive(N2, preVoteResponse(4, 4, false));
    expect(asker.status).toMatchObject({ role: 'follower', currentTerm: 4 });
  });

  it('gives way to a leader of the same term', () => {
    const node = new LoneNode({ hardState: hardState(4, N2) });
    node.timeout();
    node.receive(N2, appendRequest({ term: 4 }));
    expect(node.status).toMatchObject({ role: 'follower', currentTerm: 4, leaderId: N2, votedFor: N2 });
  });
});

describe('votes', () => {
  it('of a candidate for itself counts only once it is durable, and so its requests leave only then', () => {
    const node = new LoneNode({ voters: [N1] });
    node.autoPersist = false;
    node.timeout();
    expect(node.status.role).toBe('candidate');
    const other = new LoneNode();
    other.autoPersist = false;
    other.becomeCandidate();
    expect(other.takeSent()).toEqual([]);
    node.completeWrites();
    expect(node.status.role).toBe('leader');
    other.completeWrites();
    expect(other.takeSent()).toHaveLength(2);
  });

  it('leave only when they are durable, in one write with the term', () => {
    const node = new LoneNode();
    node.autoPersist = false;
    node.receive(N2, voteRequest({ term: 3 }));
    expect(node.takeSent()).toEqual([]);
    expect(node.pendingWrites).toMatchObject([{ hardState: hardState(3, N2) }]);
    node.completeWrites();
    expect(node.takeSentTo(N2)).toMatchObject([{ voteGranted: true }]);
  });

  it('are written also when the term was known before', () => {
    const node = new LoneNode({ hardState: hardState(3) });
    node.autoPersist = false;
    node.receive(N2, voteRequest({ term: 3 }));
    expect(node.takeSent()).toEqual([]);
    expect(node.pendingWrites).toMatchObject([{ hardState: hardState(3, N2) }]);
  });

  it('of a candidate for itself do not count by the end of an earlier write', () => {
    const node = new LoneNode({ voters: [N1, N2], hardState: hardState(1) });
    node.autoPersist = false;
    node.receive(N2, appendRequest({ term: 1, entries: entriesOfTerms(1) }));
    node.becomeCandidate();
    node.receive(N2, voteResponse(2, true));
    node.completeWrites(1);
    expect(node.status.role).toBe('candidate');
    node.completeWrites();
    expect(node.status.role).toBe('leader');
  });

  it('are told again to the same candidate without another write', () => {
    const node = new LoneNode();
    node.receive(N2, voteRequest({ term: 3 }));
    node.autoPersist = false;
    node.receive(N2, voteRequest({ term: 3 }));
    expect(node.pendingWrites).toEqual([]);
    expect(node.takeSentTo(N2)).toHaveLength(2);
  });

  it('stay given when the voter falls back within the term (FAILURE-MODES 3)', () => {
    const node = new LoneNode();
    node.becomeCandidate();
    node.receive(N2, appendRequest({ term: 1 }));
    expect(node.status).toMatchObject({ role: 'follower', votedFor: N1 });
    node.step({ type: 'peerDown', peer: N2 });
    node.receive(N3, voteRequest({ term: 1, lastLogIndex: 9, lastLogTerm: 1 }));
    expect(node.takeSentTo(N3).at(-1)).toMatchObject({ type: 'voteResponse', voteGranted: false });
  });

  it('are counted by voter, not by message (FAILURE-MODES 5)', () => {
    const node = new LoneNode({ voters: FIVE_NODES });
    node.becomeCandidate();
    node.receive(N2, voteResponse(1, true));
    node.receive(N2, voteResponse(1, true));
    expect(node.status.role).toBe('candidate');
    node.receive(N3, voteResponse(1, true));
    expect(node.status.role).toBe('leader');
  });

  it('of an earlier term, of strangers and of learners do not count', () => {
    const node = new LoneNode({ membership: membershipOf(THREE_NODES, { learners: [N4] }), hardState: hardState(1) });
    node.becomeCandidate();
    node.becomeCandidate();
    node.receive(N2, voteResponse(2, true));
    node.receive(N4, voteResponse(3, true));
    node.receive(N5, voteResponse(3, true));
    expect(node.status).toMatchObject({ role: 'candidate', currentTerm: 3 });
  });

  it('need both majorities in a joint membership', () => {
    const joint = membershipOf([N1, N2, N3], { votersOutgoing: [N1, N4, N5] });
    const node = new LoneNode({ membership: joint });
    node.timeout();
    node.receive(N2, preVoteResponse(0, 1, true));
    expect(node.status.role).toBe('preCandidate');
    node.receive(N4, preVoteResponse(0, 1, true));
    node.receive(N3, voteResponse(1, true));
    expect(node.status.role).toBe('candidate');
    node.receive(N5, voteResponse(1, true));
    expect(node.status.role).toBe('leader');
  });

  it('reset the timer when granted and not when refused (FAILURE-MODES 11)', () => {
    const refusing = new LoneNode({ entries: entriesOfTerms(1, 1) });
    const deadlineMs = refusing.nextDeadlineMs;
    refusing.nowMs = 100;
    refusing.receive(N2, voteRequest({ term: 2 }));
    expect(refusing.nextDeadlineMs).toBe(deadlineMs);
    refusing.receive(N2, voteRequest({ term: 2, lastLogIndex: 2, lastLogTerm: 1 }));
    expect(refusing.nextDeadlineMs).toBeGreaterThanOrEqual(100 + ELECTION_TIMEOUT_MS);
  });

  it('end the own pre-vote of the one who gives them', () => {
    const node = new LoneNode({ hardState: hardState(2) });
    node.timeout();
    node.receive(N2, voteRequest({ term: 2 }));
    node.receive(N3, preVoteResponse(2, 3, true));
    expect(node.status).toMatchObject({ role: 'follower', currentTerm: 2, votedFor: N2 });
  });
});

describe('leader stickiness, Raft thesis §4.2.3', () => {
  const following = (): LoneNode => {
    const node = new LoneNode({ hardState: hardState(1) });
    node.receive(N2, appendRequest({ term: 1 }));
    node.takeSent();
    return node;
  };

  it('ignores votes and refuses pre-votes while the leader was heard within the least election timeout', () => {
    const node = following();
    node.nowMs += JUST_BEFORE_TIMEOUT_MS;
    node.receive(N3, voteRequest({ term: 9 }));
    expect([node.status.currentTerm, node.takeSent()]).toEqual([1, []]);
    node.receive(N3, preVoteRequest({ term: 2 }));
    expect(node.takeSentTo(N3)).toMatchObject([{ voteGranted: false }]);
  });

  it('ends with that timeout', () => {
    const node = following();
    node.nowMs += ELECTION_TIMEOUT_MS;
    node.receive(N3, preVoteRequest({ term: 2 }));
    node.receive(N3, voteRequest({ term: 2 }));
    expect(node.takeSentTo(N3)).toMatchObject([{ voteGranted: true }, { voteGranted: true }]);
  });

  it('ends at once when the connection to that leader closes', () => {
    const node = following();
    node.step({ type: 'peerDown', peer: N3 });
    node.receive(N3, preVoteRequest({ term: 2 }));
    node.step({ type: 'peerDown', peer: N2 });
    node.receive(N3, preVoteRequest({ term: 2 }));
    expect(node.takeSentTo(N3)).toMatchObject([{ voteGranted: false }, { voteGranted: true }]);
  });

  it('lets a request pass that is part of a leadership transfer', () => {
    const node = following();
    node.receive(N3, voteRequest({ term: 2 }, true));
    expect(node.takeSentTo(N3)).toMatchObject([{ term: 2, voteGranted: true }]);
  });

  it('keeps a leader from being disturbed', () => {
    const node = new LoneNode();
    node.becomeLeader();
    node.receive(N3, voteRequest({ term: 9 }));
    expect(node.status).toMatchObject({ role: 'leader', currentTerm: 1 });
  });

  it('does not lock out a node that is stuck in a higher term: its refusal makes the leader step down', () => {
    const stuck = new LoneNode({ hardState: hardState(7), config: { nodeId: N3 } });
    const leader = new LoneNode({ hardState: hardState(1) });
    leader.becomeLeader();
    for (const append of leader.takeSentTo(N3)) stuck.receive(N1, append);
    for (const answer of stuck.takeSentTo(N1)) leader.receive(N3, answer);
    expect(leader.status).toMatchObject({ role: 'follower', currentTerm: 7 });
  });
});

describe('a voter that knows that its log lacks committed entries', () => {
  /** What it has is an old part of the log, in which it was the only voter. */
  const OLD = { entries: entriesOfTerms(1, 1), hardState: hardState(2), membership: membershipOf([N1]) };
  const missing = [2, 2, 2, 2, 2, 2].map((entryTerm, position) => commandEntry(position + 3, entryTerm));

  function onlyVoterOfOld(): LoneNode {
    const node = new LoneNode(OLD);
    node.receive(N2, appendRequest({ term: 2, prevLogIndex: 9, prevLogTerm: 2, leaderCommit: 8 }));
    return node;
  }

  it('does not campaign: it could win only by a membership that is over', () => {
    const node = onlyVoterOfOld();
    node.timeout();
    node.timeout();
    expect(node.status).toMatchObject({ role: 'follower', currentTerm: 2 });
  });

  it('campaigns as soon as it has them', () => {
    const node = onlyVoterOfOld();
    node.receive(N2, appendRequest({ term: 2, prevLogIndex: 2, prevLogTerm: 1, entries: missing, leaderCommit: 8 }));
    node.timeout();
    expect(node.status).toMatchObject({ role: 'leader', currentTerm: 3 });
  });

  it('knows after a restart where it joined, and campaigns when its log has come that far', () => {
    const node = new LoneNode({ ...OLD, joinedIndex: logIndex(8) });
    node.timeout();
    node.timeout();
    expect(node.status).toMatchObject({ role: 'follower', currentTerm: 2 });
    node.receive(N2, appendRequest({ term: 2, prevLogIndex: 2, prevLogTerm: 1, entries: missing, leaderCommit: 4 }));
    node.timeout();
    expect(node.status).toMatchObject({ role: 'leader', currentTerm: 3 });
  });
});

describe('node that came back with an empty store, and has an old part of the log again', () => {
  const back = (): LoneNode =>
    new LoneNode({
      entries: entriesOfTerms(1, 1),
      hardState: hardState(2),
      membership: membershipOf([N1, N2, N3]),
      joinedIndex: logIndex(8),
    });

  it.each([
    [3, false],
    [7, false],
    [8, true],
    [9, true],
  ])('helps a candidate whose log ends with entry %i: %s', (lastLogIndex, isHelped) => {
    const node = back();
    node.receive(N3, preVoteRequest({ term: 3, lastLogIndex, lastLogTerm: 2 }));
    expect(node.takeSentTo(N3)).toMatchObject([{ type: 'preVoteResponse', voteGranted: isHelped }]);
    node.receive(N3, voteRequest({ term: 3, lastLogIndex, lastLogTerm: 2 }));
    expect(node.takeSentTo(N3)).toMatchObject([{ type: 'voteResponse', voteGranted: isHelped }]);
  });
});

describe('learners', () => {
  const learner = (): LoneNode => new LoneNode({ membership: membershipOf([N2, N3], { learners: [N1] }) });

  it('never campaign, but forget a leader that is silent', () => {
    const node = learner();
    node.receive(N2, appendRequest({ term: 1 }));
    node.timeout();
    expect(node.status).toMatchObject({ role: 'follower', currentTerm: 1, leaderId: null });
    expect(node.nextDeadlineMs).toBeGreaterThan(node.nowMs);
  });

  it('vote when they are asked: the candidate may know a newer membership (FAILURE-MODES 18)', () => {
    const node = learner();
    node.receive(N2, voteRequest({ term: 1 }));
    expect(node.takeSentTo(N2)).toMatchObject([{ voteGranted: true }]);
  });

  it('receive entries and do not count for commits', () => {
    const node = new LoneNode({ membership: membershipOf([N1, N2], { learners: [N3] }) });
    node.becomeLeader();
    expect(node.takeSent().map(({ to }) => to)).toEqual([N2, N3]);
    node.receive(N3, {
      type: 'appendAccepted',
      term: node.status.currentTerm,
      matchIndex: node.status.lastLogIndex,
      confirmRound: 0,
      wantsCommitNotice: true,
    });
    expect(node.status.commitIndex).toBe(0);
  });
});

describe('membership of a candidate', () => {
  it('is the latest in its log, committed or not (Raft §6)', () => {
    const change = { ...commandEntry(1, 1), type: 'membership', membership: membershipOf([N1, N4]) } as const;
    const node = new LoneNode({ entries: [change] });
    node.timeout();
    expect(node.takeSent().map(({ to }) => to)).toEqual([N4]);
  });
});

describe('a node that loses its vote by an entry that is not known to be committed, Raft thesis §4.2.2', () => {
  const entry = { ...commandEntry(1, 1), type: 'membership', membership: membershipOf([N2, N3]) } as const;

  it('campaigns, for it may be needed to commit that entry, and does not count its own vote', () => {
    const node = new LoneNode({ entries: [entry] });
    node.timeout();
    node.receive(N2, preVoteResponse(1, 2, true));
    expect(node.status.role).toBe('preCandidate');
    node.receive(N3, preVoteResponse(1, 2, true));
    node.receive(N2, voteResponse(2, true));
    expect(node.status.role).toBe('candidate');
    node.receive(N3, voteResponse(2, true));
    expect(node.status.role).toBe('leader');
  });
});
