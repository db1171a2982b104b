import { describe, expect, it } from 'vitest';
import { logIndex, term } from './ids.js';
import type { LogEntry } from './log-entry.js';
import type { Membership } from './membership.js';
import { MAX_ENTRIES_BEHIND_TO_VOTE } from './membership-change.js';
import { LoneNode } from './test-support/lone-node.js';
import {
  appendAccepted,
  appendRequest,
  commandEntry,
  ELECTION_TIMEOUT_MS,
  HEARTBEAT_INTERVAL_MS,
  membershipOf,
  N1,
  N2,
  N3,
  N4,
  N5,
  THREE_NODES,
} from './test-support/raft-builders.js';
import { acknowledge, change, forget, refusal, settledLeader } from './test-support/settled-leader.js';

const three = membershipOf(THREE_NODES);
const withLearner = membershipOf(THREE_NODES, { learners: [N4] });
const appended = (index: number) => ({ type: 'membershipChangeAppended', proposalId: 1, index, term: 1 });
const committed = (index: number, membership: Membership) => ({ type: 'membershipCommitted', index, membership });
const membershipEntry = (index: number, entryTerm: number, membership: Membership): LogEntry => ({
  type: 'membership',
  index: logIndex(index),
  term: term(entryTerm),
  membership,
});
const peersOf = (node: LoneNode): string[] => node.status.progress.map(({ peer }) => peer);
const membershipsCommitted = (node: LoneNode): unknown[] =>
  node.outcomes.filter(({ type }) => type === 'membershipCommitted');

describe('changeMembership', () => {
  it('is refused by one who does not lead', () => {
    expect(change(new LoneNode(), { type: 'remove', node: N2 })).toMatchObject(refusal('notLeader'));
  });

  it('is refused before the leader has committed an entry of its own term (FAILURE-MODES 16)', () => {
    const node = new LoneNode({ membership: withLearner });
    node.becomeLeader();
    acknowledge(node, N4);
    expect(change(node, { type: 'remove', node: N4 })).toMatchObject(refusal('changePending'));
    acknowledge(node, N2);
    expect(change(node, { type: 'remove', node: N4 })).toEqual(appended(2));
  });

  it('is refused while another one is not committed, or only half done', () => {
    const node = settledLeader(three);
    change(node, { type: 'remove', node: N3 });
    expect(change(node, { type: 'addLearner', node: N4, address: null })).toMatchObject(refusal('changePending'));
    acknowledge(node, N2);
    expect(node.status).toMatchObject({ lastLogIndex: 3, commitIndex: 2 });
    expect(change(node, { type: 'addLearner', node: N4, address: null })).toMatchObject(refusal('changePending'));
    acknowledge(node, N2);
    expect(change(node, { type: 'addLearner', node: N4, address: null })).toEqual(appended(4));
  });

  it('gives the reason when there is nothing to change or nobody would be left', () => {
    const node = settledLeader(membershipOf([N1], { learners: [N2] }));
    expect(change(node, { type: 'remove', node: N1 })).toMatchObject(refusal('noVoterLeft'));
    expect(change(node, { type: 'addLearner', node: N2, address: null })).toMatchObject(refusal('alreadyMember'));
    expect(node.status.lastLogIndex).toBe(1);
  });
});

describe('a new learner', () => {
  it('is sent entries as soon as the entry that names it is appended, and heartbeats after that', () => {
    const node = settledLeader(membershipOf([N1]));
    node.advance(HEARTBEAT_INTERVAL_MS);
    node.autoPersist = false;
    expect(change(node, { type: 'addLearner', node: N2, address: 'two:1' })).toEqual(appended(2));
    expect(node.status.membership).toEqual(membershipOf([N1], { learners: [N2], addresses: { [N2]: 'two:1' } }));
    expect(node.takeSentTo(N2)).toMatchObject([{ type: 'appendRequest', prevLogIndex: 1, entries: [{ index: 2 }] }]);
    node.advance(HEARTBEAT_INTERVAL_MS);
    expect(node.takeSentTo(N2)).toMatchObject([{ type: 'appendRequest', entries: [] }]);
    expect(membershipsCommitted(node)).toEqual([]);
    node.completeWrites();
    expect(membershipsCommitted(node)).toMatchObject([{ index: 2, membership: { voters: [N1], learners: [N2] } }]);
  });

  it('does not count before it is promoted, whatever it holds', () => {
    const node = settledLeader(three);
    change(node, { type: 'addLearner', node: N4, address: null });
    acknowledge(node, N4);
    expect(node.status.commitIndex).toBe(1);
  });
});

describe('a read that waits for the word of a voter', () => {
  it('is answered when that one leaves and the leader is the only voter left', () => {
    const node = settledLeader(membershipOf([N1, N2]));
    node.read(7);
    change(node, { type: 'remove', node: N2 });
    acknowledge(node, N2);
    expect(node.status.membership).toEqual(membershipOf([N1]));
    expect(node.outcomes).toContainEqual({ type: 'completeRead', readId: 7, readIndex: 1 });
    expect(node.outcomes.filter(({ type }) => type === 'completeRead')).toHaveLength(1);
  });
});

describe('promotion', () => {
  const promote = { type: 'promote', node: N4 } as const;

  it('waits until the learner has answered and is near the commit index', () => {
    const node = new LoneNode({ membership: withLearner });
    node.becomeLeader();
    for (let entry = 0; entry < MAX_ENTRIES_BEHIND_TO_VOTE; entry += 1) node.propose(new Uint8Array(1));
    acknowledge(node, N2);
    expect(node.status.commitIndex).toBe(MAX_ENTRIES_BEHIND_TO_VOTE + 1);
    expect(change(node, promote)).toMatchObject(refusal('notCaughtUp'));
    node.receive(N4, appendAccepted(1, 0));
    expect(change(node, promote)).toMatchObject(refusal('notCaughtUp'));
    node.receive(N4, appendAccepted(1, 1));
    expect(change(node, promote)).toMatchObject({ type: 'membershipChangeAppended' });
  });

  it('waits for a learner that does not hold the entry that made it one', () => {
    const node = settledLeader(three);
    change(node, { type: 'addLearner', node: N4, address: null });
    acknowledge(node, N2, N3);
    node.receive(N4, appendAccepted(1, 1));
    expect(change(node, promote)).toMatchObject(refusal('notCaughtUp'));
    acknowledge(node, N4);
    expect(change(node, promote)).toEqual(appended(3));
  });

  it('waits for a learner that has been silent for an election timeout', () => {
    const node = settledLeader(withLearner);
    node.nowMs += ELECTION_TIMEOUT_MS - 1;
    acknowledge(node, N2, N3);
    node.nowMs += 1;
    expect(change(node, promote)).toMatchObject(refusal('notCaughtUp'));
    acknowledge(node, N4);
    expect(change(node, promote)).toEqual(appended(2));
  });

  it('waits for a learner whose connection has closed until it has answered again', () => {
    const node = settledLeader(withLearner);
    node.step({ type: 'peerDown', peer: N4 });
    expect(change(node, promote)).toMatchObject(refusal('notCaughtUp'));
    acknowledge(node, N4);
    expect(change(node, promote)).toEqual(appended(2));
  });

  it('needs both majorities, and is finished by the leader itself', () => {
    const node = settledLeader(withLearner);
    change(node, promote);
    expect(node.status.membership).toEqual(membershipOf([...THREE_NODES, N4], { votersOutgoing: THREE_NODES }));
    acknowledge(node, N4);
    expect(node.status.commitIndex).toBe(1);
    acknowledge(node, N2);
    // Two of three, and three of four.
    expect(node.status).toMatchObject({
      commitIndex: 2,
      lastLogIndex: 3,
      membership: membershipOf([...THREE_NODES, N4]),
    });
    acknowledge(node, N4);
    expect(node.status.commitIndex).toBe(2);
    acknowledge(node, N2);
    expect(membershipsCommitted(node)).toEqual([
      committed(2, membershipOf([...THREE_NODES, N4], { votersOutgoing: THREE_NODES })),
      committed(3, membershipOf([...THREE_NODES, N4])),
    ]);
  });
});

describe('removal of a voter', () => {
  it('lets the others go on without it: what only it was missing for is committed at once', () => {
    const node = settledLeader(membershipOf([N1, N2]));
    change(node, { type: 'remove', node: N2 });
    node.propose(new Uint8Array(1));
    // N2 confirms the joint entry and falls silent; the proposal after it waits for nobody any more.
    node.receive(N2, appendAccepted(1, 2));
    expect(node.status).toMatchObject({ lastLogIndex: 4, commitIndex: 4, membership: membershipOf([N1]) });
    expect(node.status.progress).toEqual([]);
  });

  it('commits what the smaller quorum holds already when the last entry is appended', () => {
    const node = settledLeader(membershipOf([N1, N2, N3, N4]));
    change(node, { type: 'setVoters', voters: [N1, N2] });
    node.propose(new Uint8Array(1));
    acknowledge(node, N2);
    expect(node.status.commitIndex).toBe(1);
    node.receive(N3, appendAccepted(1, 2));
    // The joint entry has both majorities; the proposal had only the new one, which now suffices.
    expect(node.status).toMatchObject({ commitIndex: 3, lastLogIndex: 4 });
  });

  it('goes on sending to it until that is committed, then says so and sends no more', () => {
    const node = settledLeader(three);
    change(node, { type: 'remove', node: N3 });
    acknowledge(node, N2);
    node.takeSent();
    expect(peersOf(node)).toEqual([N2, N3]);
    acknowledge(node, N2);
    expect(node.takeSentTo(N3).at(-1)).toEqual({ type: 'removedNotice', term: 1, membershipIndex: 3 });
    expect(peersOf(node)).toEqual([N2]);
    node.propose(new Uint8Array(1));
    expect(node.takeSentTo(N3)).toEqual([]);
  });

  it('keeps a demoted voter among those who are sent entries', () => {
    const node = settledLeader(three);
    change(node, { type: 'demote', node: N3 });
    acknowledge(node, N2);
    acknowledge(node, N2);
    expect(node.status.membership).toEqual(membershipOf([N1, N2], { learners: [N3] }));
    expect(peersOf(node)).toEqual([N2, N3]);
  });
});

describe('a change of an earlier leader', () => {
  const joint = membershipOf([N1, N2, N4], { votersOutgoing: THREE_NODES });

  it('is taken from the log and finished, whether it was committed or not', () => {
    const node = new LoneNode({ entries: [commandEntry(1, 1), membershipEntry(2, 1, joint)] });
    node.becomeLeader();
    expect(peersOf(node)).toEqual([N2, N4, N3]);
    expect(change(node, { type: 'remove', node: N2 })).toMatchObject(refusal('changePending'));
    acknowledge(node, N2);
    expect(node.status).toMatchObject({ commitIndex: 3, lastLogIndex: 4, membership: membershipOf([N1, N2, N4]) });
    acknowledge(node, N4);
    expect(node.status).toMatchObject({ commitIndex: 4, progress: [{ peer: N2 }, { peer: N4 }] });
  });

  it('that was committed before is finished too, once the new leader has committed its own first entry', () => {
    const node = new LoneNode({ entries: [commandEntry(1, 1), membershipEntry(2, 1, joint)] });
    node.receive(N2, appendRequest({ term: 1, prevLogIndex: 2, prevLogTerm: 1, leaderCommit: 2 }));
    node.nowMs += ELECTION_TIMEOUT_MS;
    node.becomeLeader();
    expect(node.status).toMatchObject({ commitIndex: 2, lastLogIndex: 3 });
    acknowledge(node, N2);
    expect(node.status.lastLogIndex).toBe(4);
  });

  it('that was not committed goes with its entry, and nobody is sent anything because of it', () => {
    const node = settledLeader(three);
    change(node, { type: 'addLearner', node: N4, address: 'four:1' });
    expect(peersOf(node)).toEqual([N2, N3, N4]);
    node.receive(N2, appendRequest({ term: 2, prevLogIndex: 1, prevLogTerm: 1, entries: [commandEntry(2, 2)] }));
    expect(node.status.membership).toEqual(three);
    node.nowMs += ELECTION_TIMEOUT_MS;
    node.becomeLeader();
    expect(peersOf(node)).toEqual([N2, N3]);
  });
});

describe('a leader that loses its vote', () => {
  it('leads to the end without counting itself, wakes the voter that is furthest, and is removed', () => {
    const node = settledLeader(three);
    change(node, { type: 'remove', node: N1 });
    acknowledge(node, N2);
    acknowledge(node, N3);
    expect(node.status).toMatchObject({ role: 'leader', lastLogIndex: 3, commitIndex: 2 });
    node.propose(new Uint8Array(1));
    node.receive(N2, appendAccepted(1, 3));
    // Of N2 and N3 that is one of two: its own copy counts no more.
    expect(node.status.commitIndex).toBe(2);
    forget(node);
    node.receive(N3, appendAccepted(1, 3));
    expect(node.status).toMatchObject({ role: 'leader', commitIndex: 3, transferTarget: N2 });
    node.propose(new Uint8Array(1));
    expect(node.outcomes.at(-1)).toMatchObject({ type: 'proposalRefused', reason: 'transferring' });
    node.outcomes.length = 0;
    acknowledge(node, N2);
    expect(node.outcomes.map(({ type }) => type)).toEqual(['roleChanged', 'removed']);
    expect(node.status).toMatchObject({ role: 'follower', leaderId: null, commitIndex: 3 });
    const sent = node.takeSent();
    expect(sent.filter(({ message }) => message.type === 'timeoutNow')).toMatchObject([
      { to: N2, message: { term: 1 } },
    ]);
    const told = sent.flatMap(({ to, message }) =>
      'leaderCommit' in message && message.leaderCommit === 3 ? [to] : [],
    );
    expect(told.toSorted()).toEqual([N2, N3]);
  });

  it('steps down an election timeout later at the latest, whoever answers', () => {
    const node = settledLeader(three);
    change(node, { type: 'remove', node: N1 });
    acknowledge(node, N2, N3);
    node.propose(new Uint8Array(1));
    for (const peer of [N2, N3]) node.receive(peer, appendAccepted(1, 3));
    node.nowMs += ELECTION_TIMEOUT_MS - 1;
    for (const peer of [N2, N3]) node.receive(peer, appendAccepted(1, 3));
    node.step({ type: 'tick' });
    expect(node.status.role).toBe('leader');
    forget(node);
    node.advance(1);
    expect(node.outcomes.map(({ type }) => type)).toEqual(['roleChanged', 'removed']);
  });

  it('but stays as a learner steps down and goes on following', () => {
    const node = settledLeader(three);
    change(node, { type: 'demote', node: N1 });
    acknowledge(node, N2, N3);
    acknowledge(node, N2, N3);
    expect(node.status).toMatchObject({ role: 'follower', membership: membershipOf([N2, N3], { learners: [N1] }) });
    expect(node.outcomes.some(({ type }) => type === 'removed')).toBe(false);
    const heartbeat = appendRequest({ term: 2, prevLogIndex: 3, prevLogTerm: 1, leaderCommit: 3 });
    node.receive(N2, heartbeat);
    expect(node.status).toMatchObject({ leaderId: N2, currentTerm: 2 });
  });

  it('can be replaced by all new voters at once', () => {
    const node = settledLeader(membershipOf([N1], { learners: [N4, N5] }));
    change(node, { type: 'setVoters', voters: [N4, N5] });
    acknowledge(node, N4, N5);
    acknowledge(node, N4, N5);
    expect(node.outcomes.at(-1)).toEqual({ type: 'removed' });
    expect(node.takeSent().filter(({ message }) => message.type === 'timeoutNow')).toHaveLength(1);
  });
});

describe('committed memberships', () => {
  it('are told by a follower too, joint ones included, each once', () => {
    const joint = membershipOf([N2], { votersOutgoing: [N1, N2], learners: [N1] });
    const final = membershipOf([N2], { learners: [N1] });
    const entries = [membershipEntry(1, 1, joint), commandEntry(2, 1), membershipEntry(3, 1, final)];
    const node = new LoneNode({ voters: [N1, N2] });
    node.receive(N2, appendRequest({ term: 1, entries, leaderCommit: 2 }));
    expect(membershipsCommitted(node)).toEqual([committed(1, joint)]);
    node.receive(N2, appendRequest({ term: 1, prevLogIndex: 3, prevLogTerm: 1, leaderCommit: 3 }));
    expect(membershipsCommitted(node)).toEqual([committed(1, joint), committed(3, final)]);
  });
});
