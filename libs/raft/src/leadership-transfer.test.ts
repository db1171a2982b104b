import { describe, expect, it } from 'vitest';
import { logIndex, term, type NodeId } from './ids.js';
import type { LogEntry } from './log-entry.js';
import type { RaftMessage } from './messages.js';
import { LoneNode } from './test-support/lone-node.js';
import {
  appendAccepted,
  appendRequest,
  commandEntry,
  ELECTION_TIMEOUT_MS,
  entriesOfTerms,
  hardState,
  HEARTBEAT_INTERVAL_MS,
  membershipOf,
  N1,
  N2,
  N3,
  N4,
  N5,
  THREE_NODES,
  voteRequest,
  voteResponse,
} from './test-support/raft-builders.js';
import { acknowledge, change, forget, refusal, settledLeader } from './test-support/settled-leader.js';

const withLearner = membershipOf(THREE_NODES, { learners: [N4] });
const timeoutNow = (messageTerm: number): RaftMessage => ({ type: 'timeoutNow', term: term(messageTerm) });
const failed = (reason: string) => ({ type: 'transferFailed', reason });

function transfer(node: LoneNode, to: NodeId | null): void {
  node.step({ type: 'transferLeadership', to });
}

/** Whom the leader has told to campaign since this was asked last. */
function told(node: LoneNode): NodeId[] {
  return node.takeSent().flatMap(({ to, message }) => (message.type === 'timeoutNow' ? [to] : []));
}

describe('transferLeadership, Raft thesis §3.10', () => {
  it('tells a target that has everything to campaign at once', () => {
    const node = settledLeader(withLearner);
    transfer(node, N2);
    expect(node.takeSent()).toMatchObject([{ to: N2, message: timeoutNow(1) }]);
    expect(node.status).toMatchObject({ role: 'leader', transferTarget: N2 });
  });

  it('brings a slow target up to date first', () => {
    const node = settledLeader(withLearner);
    node.propose(new Uint8Array(1));
    node.propose(new Uint8Array(1));
    transfer(node, N2);
    expect(told(node)).toEqual([]);
    node.receive(N2, appendAccepted(1, 2));
    acknowledge(node, N3);
    expect(told(node)).toEqual([]);
    node.receive(N2, appendAccepted(1, 3));
    expect(told(node)).toEqual([N2]);
  });

  it('without a name takes the voter that is furthest of those that answer', () => {
    const node = settledLeader(withLearner);
    node.propose(new Uint8Array(1));
    acknowledge(node, N3, N4);
    transfer(node, null);
    expect(told(node)).toEqual([N3]);
    const other = settledLeader(withLearner);
    other.propose(new Uint8Array(1));
    acknowledge(other, N3);
    other.nowMs += ELECTION_TIMEOUT_MS;
    other.receive(N2, appendAccepted(1, 1));
    transfer(other, null);
    expect(other.status.transferTarget).toBe(N2);
  });

  it.each<[string, NodeId | null, string]>([
    ['itself', N1, 'noTarget'],
    ['an unknown node', N5, 'notVoter'],
    ['a learner', N4, 'notVoter'],
  ])('to %s is refused, and service goes on', (_, to, reason) => {
    const node = settledLeader(withLearner);
    transfer(node, to);
    expect(node.outcomes).toEqual([failed(reason)]);
    expect(node.propose(new Uint8Array(1))).toContainEqual(expect.objectContaining({ type: 'proposalAppended' }));
  });

  it('is refused when no other voter answers, or there is none', () => {
    const alone = settledLeader(membershipOf([N1], { learners: [N2] }));
    transfer(alone, null);
    expect(alone.outcomes).toEqual([failed('noTarget')]);
  });

  it('is refused by a follower', () => {
    const node = new LoneNode();
    transfer(node, N2);
    expect(node.outcomes).toEqual([failed('notLeader')]);
  });

  it.each([N2, N3])('is refused while one is under way, to whomever (%s)', (to) => {
    const node = settledLeader(withLearner);
    transfer(node, N2);
    transfer(node, to);
    expect(node.outcomes).toEqual([failed('alreadyTransferring')]);
    expect(node.status.transferTarget).toBe(N2);
  });

  it('is refused while a membership change is pending, which may take the target its vote', () => {
    const node = settledLeader(withLearner);
    change(node, { type: 'remove', node: N2 });
    forget(node);
    transfer(node, N2);
    expect(node.outcomes).toEqual([failed('changePending')]);
  });

  it('is refused while a committed joint membership of an earlier leader is not left yet', () => {
    const joint = membershipEntry([N1, N2], { votersOutgoing: THREE_NODES });
    const node = new LoneNode({ entries: [commandEntry(1, 1), joint] });
    node.receive(N2, appendRequest({ term: 1, prevLogIndex: 2, prevLogTerm: 1, leaderCommit: 2 }));
    node.nowMs += ELECTION_TIMEOUT_MS;
    node.becomeLeader();
    forget(node);
    transfer(node, N2);
    expect(node.outcomes).toEqual([failed('changePending')]);
  });
});

describe('a leader that is handing over', () => {
  function handingOver(): LoneNode {
    const node = settledLeader(withLearner);
    transfer(node, N2);
    forget(node);
    return node;
  }

  it('refuses proposals and membership changes, so that the target cannot lose its vote meanwhile', () => {
    const node = handingOver();
    node.propose(new Uint8Array(1), new Uint8Array(1));
    expect(node.outcomes).toMatchObject([
      { type: 'proposalRefused', reason: 'transferring' },
      { type: 'proposalRefused', reason: 'transferring' },
    ]);
    expect(change(node, { type: 'demote', node: N2 })).toMatchObject(refusal('transferring'));
  });

  it('still confirms reads by a majority', () => {
    const node = handingOver();
    node.read(1);
    expect(node.outcomes).toEqual([]);
    node.receive(N3, appendAccepted(1, 1, 1));
    expect(node.outcomes).toEqual([{ type: 'completeRead', readId: 1, readIndex: 1 }]);
  });

  it('says it again to a target that goes on following, since the first may have been lost', () => {
    const node = handingOver();
    node.advance(HEARTBEAT_INTERVAL_MS);
    expect(told(node)).toEqual([]);
    acknowledge(node, N3);
    expect(told(node)).toEqual([]);
    acknowledge(node, N2);
    expect(told(node)).toEqual([N2]);
  });

  it('goes back to service after an election timeout, and can try again', () => {
    const node = handingOver();
    const deadlineMs = node.nowMs + ELECTION_TIMEOUT_MS;
    node.nowMs = deadlineMs - 1;
    acknowledge(node, N3);
    node.step({ type: 'tick' });
    expect(node.outcomes).toEqual([]);
    expect(node.nextDeadlineMs).toBe(deadlineMs);
    node.advance(1);
    expect(node.outcomes).toEqual([failed('timedOut')]);
    expect(node.status).toMatchObject({ role: 'leader', transferTarget: null });
    forget(node);
    node.propose(new Uint8Array(1));
    expect(node.outcomes).toMatchObject([{ type: 'proposalAppended' }]);
    transfer(node, N3);
    acknowledge(node, N3);
    expect(told(node)).toEqual([N3]);
  });

  it('gives its vote to the target although it leads itself, and follows it', () => {
    const node = handingOver();
    node.receive(N2, voteRequest({ term: 2, lastLogIndex: 1, lastLogTerm: 1 }, true));
    expect(node.takeSent()).toMatchObject([{ to: N2, message: voteResponse(2, true) }]);
    node.receive(N2, appendRequest({ term: 2, prevLogIndex: 1, prevLogTerm: 1 }));
    expect(node.status).toMatchObject({ role: 'follower', leaderId: N2, transferTarget: null });
  });

  it('forgets the transfer with its leadership: when it leads again it serves', () => {
    const node = handingOver();
    node.receive(N3, voteResponse(5, false));
    expect(node.status).toMatchObject({ role: 'follower', currentTerm: 5, transferTarget: null });
    node.nowMs += ELECTION_TIMEOUT_MS;
    node.becomeLeader();
    forget(node);
    expect(node.propose(new Uint8Array(1))).toContainEqual(expect.objectContaining({ type: 'proposalAppended' }));
    node.nowMs += ELECTION_TIMEOUT_MS - 1;
    node.step({ type: 'tick' });
    expect(node.outcomes.some(({ type }) => type === 'transferFailed')).toBe(false);
  });

  it('is not deposed by others than the target', () => {
    const node = handingOver();
    node.receive(N3, voteRequest({ term: 2, lastLogIndex: 1, lastLogTerm: 1 }));
    expect(node.status).toMatchObject({ role: 'leader', transferTarget: N2 });
  });

  it('steps down when no majority answers, transfer or not', () => {
    const node = handingOver();
    node.advance(ELECTION_TIMEOUT_MS);
    expect(node.status).toMatchObject({ role: 'follower', transferTarget: null });
  });
});

describe('timeoutNow at the target', () => {
  function following(entries: readonly LogEntry[] = entriesOfTerms(1)): LoneNode {
    const node = new LoneNode({ entries });
    node.receive(N2, appendRequest({ term: 1 }));
    forget(node);
    return node;
  }

  it('makes it campaign at once, without pre-vote, by requests that pass leader stickiness', () => {
    const node = following();
    node.receive(N2, timeoutNow(1));
    expect(node.status).toMatchObject({ role: 'candidate', currentTerm: 2, votedFor: N1 });
    expect(node.takeSent()).toMatchObject(
      [N2, N3].map((to) => ({ to, message: voteRequest({ term: 2, lastLogIndex: 1, lastLogTerm: 1 }, true) })),
    );
    node.receive(N3, voteResponse(2, true));
    expect(node.status.role).toBe('leader');
  });

  it('that comes late or twice is ignored', () => {
    const node = following();
    node.receive(N2, timeoutNow(1));
    node.receive(N2, timeoutNow(1));
    expect(node.status.currentTerm).toBe(2);
    const moved = new LoneNode({ hardState: hardState(3) });
    moved.receive(N2, timeoutNow(2));
    expect(moved.status).toMatchObject({ role: 'follower', currentTerm: 3 });
  });

  it('counts from the leader alone', () => {
    const node = following();
    node.receive(N3, timeoutNow(1));
    expect(node.status).toMatchObject({ role: 'follower', leaderId: N2 });
  });

  it('is followed by an election like any other: the next attempt asks for pre-votes', () => {
    const node = following();
    node.receive(N2, timeoutNow(1));
    node.takeSent();
    node.timeout();
    expect(node.status).toMatchObject({ role: 'preCandidate', currentTerm: 2 });
  });

  it.each<[string, LogEntry]>([
    ['is no member', membershipEntry([N2, N3])],
    ['is a learner', membershipEntry([N2, N3], { learners: [N1] })],
    ['loses its vote by a pending change', membershipEntry([N2, N3], { votersOutgoing: THREE_NODES })],
  ])('is ignored by one who %s', (_, entry) => {
    const node = following([commandEntry(1, 1), entry]);
    node.receive(N2, timeoutNow(1));
    expect(node.status).toMatchObject({ role: 'follower', currentTerm: 1 });
  });

  it('is obeyed by one who keeps its vote in a pending change, with both majorities asked', () => {
    const node = following([commandEntry(1, 1), membershipEntry([N1, N4], { votersOutgoing: [N1, N2] })]);
    node.receive(N2, timeoutNow(1));
    expect(node.takeSent().map(({ to }) => to)).toEqual([N4, N2]);
    node.receive(N4, voteResponse(2, true));
    expect(node.status.role).toBe('candidate');
    node.receive(N2, voteResponse(2, true));
    expect(node.status.role).toBe('leader');
  });
});

function membershipEntry(voters: readonly NodeId[], parts: Parameters<typeof membershipOf>[1] = {}): LogEntry {
  return { type: 'membership', index: logIndex(2), term: term(1), membership: membershipOf(voters, parts) };
}
