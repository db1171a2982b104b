import { describe, expect, it } from 'vitest';
import type { Effect } from './effects.js';
import { logIndex, readId, term, type NodeId } from './ids.js';
import type { Membership } from './membership.js';
import { LoneNode } from './test-support/lone-node.js';
import {
  appendAccepted,
  appendRejected,
  commandEntry,
  ELECTION_TIMEOUT_MS,
  hardState,
  HEARTBEAT_INTERVAL_MS,
  membershipOf,
  N1,
  N2,
  N3,
  N4,
  position,
  preVoteResponse,
  snapshotAt,
  THREE_NODES,
  voteResponse,
} from './test-support/raft-builders.js';

/** The log of the leader: compacted up to BASE, a checkpoint at SNAPSHOT, its no-op at NOOP. */
const BASE = 10;
const SNAPSHOT = 12;
const NOOP = 15;
const TERM = 4;

function leaderWith(membership: Membership = membershipOf(THREE_NODES), voters = [N2, N3]): LoneNode {
  const node = new LoneNode({
    hardState: hardState(TERM - 1),
    base: position(BASE, 2),
    entries: [11, 12, 13, 14].map((index) => commandEntry(index, 3)),
    snapshot: snapshotAt(SNAPSHOT, 3, membership),
    config: { trailingEntries: 2 },
  });
  node.timeout();
  for (const voter of voters) node.receive(voter, preVoteResponse(TERM - 1, TERM, true));
  for (const voter of voters) node.receive(voter, voteResponse(TERM, true));
  node.receive(N3, appendAccepted(TERM, NOOP));
  expect(node.status).toMatchObject({ role: 'leader', currentTerm: TERM, lastLogIndex: NOOP });
  node.takeSent();
  node.outcomes.length = 0;
  return node;
}

/** `peer` says that its log ends at `lastLogIndex`. */
const fallBehind = (node: LoneNode, peer: NodeId, lastLogIndex = 3): Effect[] =>
  node.receive(peer, appendRejected(TERM, { prevLogIndex: NOOP - 1, lastLogIndex }));

/** `peer` is asked whether it has the snapshot, and says no. */
const refuseSnapshot = (node: LoneNode, peer: NodeId): Effect[] =>
  node.receive(peer, appendRejected(TERM, { prevLogIndex: SNAPSHOT, lastLogIndex: 3 }));

const snapshotsSentTo = (node: LoneNode): NodeId[] =>
  node.outcomes.flatMap((effect) => (effect.type === 'sendSnapshot' ? [effect.to] : []));

const progressOf = (node: LoneNode, peer: NodeId) => node.status.progress.find((progress) => progress.peer === peer);

const ended = (node: LoneNode, peer: NodeId, delivered: boolean): Effect[] =>
  node.step({ type: 'snapshotTransferEnded', peer, delivered });

describe('a peer that needs compacted entries, Raft §7', () => {
  it('is sent the latest snapshot', () => {
    const node = leaderWith();
    fallBehind(node, N2);
    expect(node.outcomes).toEqual([{ type: 'sendSnapshot', to: N2, snapshot: snapshotAt(SNAPSHOT, 3) }]);
    expect(progressOf(node, N2)).toMatchObject({ state: 'snapshot', matchIndex: 0 });
  });

  it.each([
    ['at the base', BASE, 'probe'],
    ['just before it', BASE - 1, 'snapshot'],
  ] as const)(
    'is told by the entry that it lacks first: a log that ends %s (%i) means %s',
    (_, lastLogIndex, state) => {
      const node = leaderWith();
      fallBehind(node, N2, lastLogIndex);
      expect(progressOf(node, N2)?.state).toBe(state);
    },
  );

  it('whose log differs at the base is not asked there for ever', () => {
    const node = leaderWith();
    fallBehind(node, N2, BASE);
    node.receive(N2, {
      type: 'appendRejected',
      term: term(TERM),
      prevLogIndex: logIndex(BASE),
      conflictTerm: term(1),
      conflictIndex: logIndex(8),
      lastLogIndex: logIndex(BASE),
      confirmRound: 0,
    });
    expect(snapshotsSentTo(node)).toEqual([N2]);
  });

  it('is not sent one while it is silent, but as soon as it answers', () => {
    const node = leaderWith();
    fallBehind(node, N2);
    ended(node, N2, false);
    for (let beat = 0; beat < 4; beat += 1) {
      node.advance(HEARTBEAT_INTERVAL_MS);
      node.receive(N3, appendAccepted(TERM, NOOP));
    }
    expect(snapshotsSentTo(node)).toEqual([N2]);
    refuseSnapshot(node, N2);
    expect(snapshotsSentTo(node)).toEqual([N2, N2]);
  });

  it('may be a learner', () => {
    const node = leaderWith(membershipOf(THREE_NODES, { learners: [N4] }));
    fallBehind(node, N4);
    expect(snapshotsSentTo(node)).toEqual([N4]);
  });

  it('does not keep a slow peer from being served whose entries were compacted while they were on their way', () => {
    const node = leaderWith();
    node.receive(N2, appendAccepted(TERM, NOOP));
    for (let entry = 0; entry < 20; entry += 1) node.propose(new Uint8Array(1));
    const { lastLogIndex } = node.status;
    // N2 is not heard for so long that the log does not wait for it.
    node.nowMs += ELECTION_TIMEOUT_MS;
    node.receive(N3, appendAccepted(TERM, lastLogIndex));
    node.step({ type: 'checkpointed', index: lastLogIndex });
    expect(progressOf(node, N2)).toMatchObject({ state: 'replicate', matchIndex: NOOP });
    node.receive(N2, appendAccepted(TERM, NOOP + 1));
    expect(progressOf(node, N2)).toMatchObject({ state: 'snapshot', matchIndex: NOOP + 1, inFlightAppends: 0 });
    expect(node.outcomes.at(-1)).toMatchObject({ type: 'sendSnapshot', to: N2, snapshot: { index: lastLogIndex } });
  });
});

describe('while a snapshot is on its way', () => {
  it('the peer is sent no entries and no second snapshot', () => {
    const node = leaderWith();
    fallBehind(node, N2);
    node.takeSent();
    node.propose(new Uint8Array(1));
    refuseSnapshot(node, N2);
    expect(node.takeSentTo(N2)).toEqual([]);
    expect(snapshotsSentTo(node)).toEqual([N2]);
  });

  it('heartbeats ask the peer for the entry at which the snapshot stands', () => {
    const node = leaderWith();
    fallBehind(node, N2);
    node.takeSent();
    node.advance(HEARTBEAT_INTERVAL_MS);
    expect(node.takeSentTo(N2)).toMatchObject([
      { type: 'appendRequest', prevLogIndex: SNAPSHOT, prevLogTerm: 3, entries: [] },
    ]);
  });

  it('the refusals of the peer confirm who leads: it counts for reads and for the quorum', () => {
    const node = leaderWith();
    fallBehind(node, N2);
    node.read(1);
    refuseSnapshot(node, N2);
    expect(node.outcomes.at(-1)?.type).toBe('sendSnapshot');
    node.receive(N2, appendRejected(TERM, { prevLogIndex: SNAPSHOT, lastLogIndex: 3, confirmRound: 1 }));
    expect(node.outcomes.at(-1)).toEqual({ type: 'completeRead', readId: readId(1), readIndex: NOOP });
    for (let beat = 0; beat < 2 * (ELECTION_TIMEOUT_MS / HEARTBEAT_INTERVAL_MS); beat += 1) {
      node.advance(HEARTBEAT_INTERVAL_MS);
      refuseSnapshot(node, N2);
    }
    expect(node.status.role).toBe('leader');
  });

  it('a closed connection changes nothing here: the driver reports how the transfer ended', () => {
    const node = leaderWith();
    fallBehind(node, N2);
    node.step({ type: 'peerDown', peer: N2 });
    node.takeSent();
    node.step({ type: 'peerUp', peer: N2 });
    expect(node.takeSentTo(N2)).toMatchObject([{ prevLogIndex: SNAPSHOT, entries: [] }]);
    refuseSnapshot(node, N2);
    expect(snapshotsSentTo(node)).toEqual([N2]);
  });

  it('the log keeps what the peer needs after it, however often it is compacted', () => {
    const node = leaderWith();
    fallBehind(node, N2);
    for (let entry = 0; entry < 9; entry += 1) node.propose(new Uint8Array(1));
    node.receive(N3, appendAccepted(TERM, NOOP + 9));
    node.step({ type: 'checkpointed', index: logIndex(NOOP + 9) });
    expect(node.status).toMatchObject({ snapshotIndex: NOOP + 9, firstLogIndex: SNAPSHOT + 1 });
    node.receive(N2, appendAccepted(TERM, SNAPSHOT));
    expect(node.takeSentTo(N2).at(-1)).toMatchObject({
      prevLogIndex: SNAPSHOT,
      entries: { length: NOOP + 9 - SNAPSHOT },
    });
  });
});

describe('the end of a transfer', () => {
  it('is an acceptance by the peer: it is sent what follows, with or without word from the driver', () => {
    const node = leaderWith();
    fallBehind(node, N2);
    node.takeSent();
    node.receive(N2, appendAccepted(TERM, SNAPSHOT));
    expect(progressOf(node, N2)).toMatchObject({ state: 'replicate', matchIndex: SNAPSHOT });
    expect(node.takeSentTo(N2)).toMatchObject([{ prevLogIndex: SNAPSHOT, entries: { length: 3 } }]);
    expect(ended(node, N2, true)).toEqual([]);
    expect(ended(node, N2, false)).toEqual([]);
    expect(progressOf(node, N2)?.state).toBe('replicate');
  });

  it.each([
    ['behind the snapshot, where the log begins', BASE],
    ['between the two', BASE + 1],
    ['beyond the snapshot', SNAPSHOT + 1],
  ])('may be an acceptance %s (%i)', (_, matchIndex) => {
    const node = leaderWith();
    fallBehind(node, N2);
    node.takeSent();
    node.receive(N2, appendAccepted(TERM, matchIndex));
    expect(progressOf(node, N2)).toMatchObject({ state: 'replicate', matchIndex });
    expect(node.takeSentTo(N2)).toMatchObject([{ prevLogIndex: matchIndex, entries: { length: NOOP - matchIndex } }]);
  });

  it('is not an acceptance of something that is compacted', () => {
    const node = leaderWith();
    fallBehind(node, N2);
    node.receive(N2, appendAccepted(TERM, BASE - 1));
    expect(progressOf(node, N2)).toMatchObject({ state: 'snapshot', matchIndex: BASE - 1 });
    expect(snapshotsSentTo(node)).toEqual([N2]);
  });

  it('when it was delivered, makes the leader ask the peer at once', () => {
    const node = leaderWith();
    fallBehind(node, N2);
    node.takeSent();
    ended(node, N2, true);
    expect(node.takeSentTo(N2)).toMatchObject([{ type: 'appendRequest', prevLogIndex: SNAPSHOT, entries: [] }]);
    expect(progressOf(node, N2)?.state).toBe('snapshot');
  });

  it('when it was delivered, is not undone by refusals from before; refused for long, there is another', () => {
    const node = leaderWith();
    fallBehind(node, N2);
    ended(node, N2, true);
    refuseSnapshot(node, N2);
    expect(snapshotsSentTo(node)).toEqual([N2]);
    node.nowMs += ELECTION_TIMEOUT_MS;
    refuseSnapshot(node, N2);
    expect(snapshotsSentTo(node)).toEqual([N2, N2]);
  });

  it('when it failed, is followed by another one at the pace of heartbeats', () => {
    const node = leaderWith();
    fallBehind(node, N2);
    ended(node, N2, false);
    expect(progressOf(node, N2)).toMatchObject({ state: 'probe', nextIndex: 1 });
    node.takeSent();
    node.propose(new Uint8Array(1));
    expect(node.takeSentTo(N2)).toEqual([]);
    expect(snapshotsSentTo(node)).toEqual([N2]);
    node.advance(HEARTBEAT_INTERVAL_MS);
    expect(node.takeSentTo(N2)).toMatchObject([{ prevLogIndex: SNAPSHOT, entries: [] }]);
    refuseSnapshot(node, N2);
    expect(snapshotsSentTo(node)).toEqual([N2, N2]);
  });

  it('when it failed, is followed by another one also if the peer lacks no more than the last compacted entry', () => {
    const node = leaderWith();
    fallBehind(node, N2);
    node.receive(N2, appendAccepted(TERM, BASE - 1));
    ended(node, N2, false);
    node.takeSent();
    node.advance(HEARTBEAT_INTERVAL_MS);
    expect(node.takeSentTo(N2)).toMatchObject([{ prevLogIndex: SNAPSHOT, entries: [] }]);
  });

  it('takes the newest snapshot for the next attempt', () => {
    const node = leaderWith();
    fallBehind(node, N2);
    ended(node, N2, false);
    node.step({ type: 'checkpointed', index: logIndex(NOOP) });
    node.advance(HEARTBEAT_INTERVAL_MS);
    refuseSnapshot(node, N2);
    expect(node.outcomes.at(-1)).toMatchObject({ type: 'sendSnapshot', snapshot: { index: NOOP, term: TERM } });
  });

  it.each([
    ['a stranger', N4],
    ['the node itself', N1],
    ['a peer that needs none', N3],
  ])('of %s means nothing', (_, peer) => {
    const node = leaderWith();
    expect(ended(node, peer, false)).toEqual([]);
    expect(ended(node, peer, true)).toEqual([]);
  });

  it('means nothing to one who does not lead any more', () => {
    const node = leaderWith();
    fallBehind(node, N2);
    node.advance(ELECTION_TIMEOUT_MS);
    expect(node.status.role).toBe('follower');
    expect(ended(node, N2, true)).toEqual([]);
  });
});
