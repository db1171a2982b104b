import { describe, expect, it } from 'vitest';
import { logIndex, readId, term } from './ids.js';
import type { LogEntry } from './log-entry.js';
import type { Membership } from './membership.js';
import type { RaftMessage } from './messages.js';
import { LoneNode } from './test-support/lone-node.js';
import {
  appendAccepted,
  appendRequest,
  commandEntry,
  ELECTION_TIMEOUT_MS,
  hardState,
  membershipOf,
  N1,
  N2,
  N3,
  N4,
  preVoteRequest,
  THREE_NODES,
  voteRequest,
} from './test-support/raft-builders.js';
import { acknowledge, change, forget, settledLeader } from './test-support/settled-leader.js';

const notice = (noticeTerm: number, membershipIndex: number): RaftMessage => ({
  type: 'removedNotice',
  term: term(noticeTerm),
  membershipIndex: logIndex(membershipIndex),
});
const naming = (index: number, entryTerm: number, membership: Membership): LogEntry => ({
  type: 'membership',
  index: logIndex(index),
  term: term(entryTerm),
  membership,
});
const removals = (node: LoneNode): number => node.outcomes.filter(({ type }) => type === 'removed').length;

/** Leads N1 and N2; N3 was removed by entry 3. */
function leaderWithoutN3(): LoneNode {
  const node = settledLeader(membershipOf(THREE_NODES));
  change(node, { type: 'remove', node: N3 });
  acknowledge(node, N2);
  acknowledge(node, N2);
  forget(node);
  return node;
}

describe('a leader that hears from a removed node, Raft thesis §4.2.3 (FAILURE-MODES 15)', () => {
  const rejection: RaftMessage = {
    type: 'appendRejected',
    term: term(9),
    prevLogIndex: logIndex(1),
    conflictTerm: term(0),
    conflictIndex: logIndex(1),
    lastLogIndex: logIndex(0),
    confirmRound: 0,
  };

  it.each<[string, RaftMessage]>([
    ['a pre-vote request', preVoteRequest({ term: 9 })],
    ['a vote request', voteRequest({ term: 9 })],
    ['a rejection of a higher term', rejection],
    ['an acceptance', appendAccepted(1, 1)],
    ['a read of a higher term', { type: 'readIndexRequest', term: term(9), readId: readId(1) }],
  ])('answers %s with the notice and keeps term and office', (_, message) => {
    const node = leaderWithoutN3();
    node.receive(N3, message);
    expect(node.takeSent()).toMatchObject([{ to: N3, message: notice(1, 3) }]);
    expect(node.status).toMatchObject({ role: 'leader', currentTerm: 1 });
  });

  it('says nothing to a node that a pending change may concern', () => {
    const node = settledLeader(membershipOf(THREE_NODES));
    change(node, { type: 'remove', node: N3 });
    acknowledge(node, N2);
    node.takeSent();
    node.receive(N3, preVoteRequest({ term: 2 }));
    expect(node.takeSentTo(N3)).toMatchObject([{ type: 'preVoteResponse', voteGranted: false }]);
  });

  it('says nothing in answer to words of an earlier term: they may be of a node whose admission was rolled back', () => {
    const node = settledLeader(membershipOf(THREE_NODES), { hardState: hardState(4) });
    node.receive(N4, appendAccepted(4, 0));
    expect(node.takeSent()).toEqual([]);
  });

  it('gives way to a candidate that another leader has chosen, though it does not know it', () => {
    const node = leaderWithoutN3();
    node.receive(N4, voteRequest({ term: 2, lastLogIndex: 9, lastLogTerm: 1 }, true));
    expect(node.status).toMatchObject({ role: 'follower', currentTerm: 2, votedFor: N4 });
  });

  it('still follows a leader of a later term that it does not know as a member', () => {
    const node = leaderWithoutN3();
    node.receive(N4, appendRequest({ term: 2, prevLogIndex: 3, prevLogTerm: 1 }));
    expect(node.status).toMatchObject({ role: 'follower', leaderId: N4 });
  });
});

describe('notice of removal', () => {
  const voter = (): LoneNode => new LoneNode({ entries: [commandEntry(1, 1)] });

  it('is reported once; from then on the node answers nobody, votes included, and never campaigns', () => {
    const node = voter();
    node.receive(N2, notice(2, 5));
    node.receive(N2, notice(2, 5));
    expect(removals(node)).toBe(1);
    expect(node.nextDeadlineMs).toBe(Infinity);
    forget(node);
    node.receive(N2, voteRequest({ term: 7, lastLogIndex: 9, lastLogTerm: 6 }));
    node.receive(N2, preVoteRequest({ term: 7, lastLogIndex: 9, lastLogTerm: 6 }));
    node.receive(N2, appendRequest({ term: 7 }));
    node.receive(N2, { type: 'timeoutNow', term: term(7) });
    node.advance(10 * ELECTION_TIMEOUT_MS);
    expect(node.takeSent()).toEqual([]);
    expect(node.status).toMatchObject({ role: 'follower', currentTerm: 2 });
  });

  it('leaves its own callers no doubt: reads, proposals and changes fail at once', () => {
    const node = voter();
    node.receive(N2, notice(2, 5));
    forget(node);
    node.read(1);
    node.propose(new Uint8Array(1));
    change(node, { type: 'remove', node: N2 });
    expect(node.outcomes.map(({ type }) => type)).toEqual(['failRead', 'proposalRefused', 'membershipChangeRefused']);
  });

  it('ends a candidacy', () => {
    const node = voter();
    node.becomeCandidate();
    node.receive(N2, notice(node.status.currentTerm, 5));
    expect(node.status.role).toBe('follower');
    expect(removals(node)).toBe(1);
  });

  it('is believed by a node that is alone in a higher term, for it says what is committed', () => {
    const node = new LoneNode({ hardState: hardState(7) });
    node.receive(N2, notice(2, 5));
    expect(removals(node)).toBe(1);
  });

  it('of an earlier leader is ignored by one that follows a later one', () => {
    const node = voter();
    node.receive(N2, appendRequest({ term: 4, prevLogIndex: 1, prevLogTerm: 1 }));
    node.receive(N3, notice(3, 5));
    expect(removals(node)).toBe(0);
  });

  it('is ignored by a node that was added again after it', () => {
    const again = naming(6, 2, membershipOf([N2, N3], { learners: [N1] }));
    const node = new LoneNode({ entries: [...[1, 2, 3, 4, 5].map((index) => commandEntry(index, 2)), again] });
    node.receive(N2, notice(2, 5));
    expect(removals(node)).toBe(0);
  });

  it('is not put off by a later membership that was never committed and never can be', () => {
    const lost = naming(6, 1, membershipOf([N1, N3]));
    const node = new LoneNode({ entries: [...[1, 2, 3, 4, 5].map((index) => commandEntry(index, 1)), lost] });
    node.receive(N2, notice(2, 5));
    expect(removals(node)).toBe(1);
  });

  it('does not turn away a node that waits to be added, also when its admission was rolled back', () => {
    const waiting = membershipOf([]);
    const fresh = new LoneNode({ membership: waiting });
    fresh.receive(N2, notice(2, 0));
    const rolledBack = naming(2, 1, membershipOf([N2, N3], { learners: [N1] }));
    const node = new LoneNode({ membership: waiting, entries: [commandEntry(1, 1), rolledBack] });
    node.receive(N2, notice(2, 0));
    expect([removals(fresh), removals(node)]).toEqual([0, 0]);
  });
});

describe('a node without a vote that hears no leader', () => {
  it('asks the voters it knows, since it may have been removed; their grants make it nothing', () => {
    const node = new LoneNode({ membership: membershipOf([N2, N3], { learners: [N1] }) });
    node.timeout();
    const sent = node.takeSent();
    expect(sent.map(({ to }) => to)).toEqual([N2, N3]);
    expect(sent).toMatchObject([{ message: { type: 'preVoteRequest' } }, { message: { type: 'preVoteRequest' } }]);
    for (const peer of [N2, N3]) {
      node.receive(peer, { type: 'preVoteResponse', term: term(0), requestTerm: term(1), voteGranted: true });
    }
    expect(node.status).toMatchObject({ role: 'follower', currentTerm: 0 });
    expect(node.takeSent()).toEqual([]);
  });

  it('asks nobody when it waits to be added', () => {
    const node = new LoneNode({ membership: membershipOf([]) });
    node.timeout();
    expect(node.takeSent()).toEqual([]);
    expect(node.status.role).toBe('follower');
  });

  it('campaigns no more once it knows the membership without it to be committed', () => {
    const entry = naming(1, 1, membershipOf([N2, N3]));
    const node = new LoneNode({ entries: [entry] });
    node.receive(N2, appendRequest({ term: 1, prevLogIndex: 1, prevLogTerm: 1, leaderCommit: 1 }));
    node.timeout();
    expect(node.status.role).toBe('follower');
    node.receive(N2, { type: 'timeoutNow', term: term(1) });
    expect(node.status).toMatchObject({ role: 'follower', currentTerm: 1 });
  });
});
