import { describe, expect, it } from 'vitest';
import type { LoneNode } from './test-support/lone-node.js';
import {
  appendAccepted,
  appendRejected,
  membershipOf,
  N1,
  N2,
  N3,
  N4,
  THREE_NODES,
} from './test-support/raft-builders.js';
import { change, settledLeader } from './test-support/settled-leader.js';

const withLearner = membershipOf(THREE_NODES, { learners: [N4] });

function progressOf(node: LoneNode, peer: typeof N4): object | undefined {
  return node.status.progress.find((progress) => progress.peer === peer);
}

/** The round that the last append to `peer` named. */
function lastRound(node: LoneNode, peer: typeof N4): number {
  const message = node.takeSentTo(peer).at(-1);
  return message?.type === 'appendRequest' ? message.confirmRound : NaN;
}

/** Leads in term 1 with a learner that holds all three entries, which are committed. */
function leaderWithLearner(): LoneNode {
  const node = settledLeader(withLearner);
  node.propose(Uint8Array.of(1), Uint8Array.of(2));
  for (const peer of [N2, N4]) node.receive(peer, appendAccepted(1, 3));
  return node;
}

describe('a learner whose store is another one, FAILURE-MODES 32', () => {
  it('is taken to hold nothing, and is asked where its log ends', () => {
    const node = leaderWithLearner();
    expect(progressOf(node, N4)).toMatchObject({ matchIndex: 3, state: 'replicate' });
    node.takeSent();
    node.step({ type: 'peerStoreReplaced', peer: N4 });
    expect(progressOf(node, N4)).toMatchObject({ matchIndex: 0, state: 'probe' });
    expect(node.takeSentTo(N4)).toMatchObject([{ type: 'appendRequest', prevLogIndex: 3, entries: [] }]);
  });

  it('does not get back what the store before it had, by an answer that was on its way', () => {
    const node = leaderWithLearner();
    node.step({ type: 'peerStoreReplaced', peer: N4 });
    node.receive(N4, appendAccepted(1, 3));
    expect(progressOf(node, N4)).toMatchObject({ matchIndex: 0, state: 'probe' });
    expect(change(node, { type: 'promote', node: N4 })).toMatchObject({ reason: 'notCaughtUp' });
  });

  it('catches up from where its new log ends', () => {
    const node = leaderWithLearner();
    node.step({ type: 'peerStoreReplaced', peer: N4 });
    const confirmRound = lastRound(node, N4);
    node.receive(N4, appendRejected(1, { prevLogIndex: 3, lastLogIndex: 0, confirmRound }));
    expect(node.takeSentTo(N4)).toMatchObject([
      { prevLogIndex: 0, entries: [{ index: 1 }, { index: 2 }, { index: 3 }] },
    ]);
    node.receive(N4, appendAccepted(1, 3, confirmRound));
    expect(progressOf(node, N4)).toMatchObject({ matchIndex: 3, state: 'replicate' });
    expect(change(node, { type: 'promote', node: N4 })).toMatchObject({ type: 'membershipChangeAppended' });
  });

  it('still counts as of the new store after a round of reads', () => {
    const node = leaderWithLearner();
    node.step({ type: 'peerStoreReplaced', peer: N4 });
    const ofNewStore = lastRound(node, N4);
    node.read(1);
    node.receive(N4, appendAccepted(1, 2, ofNewStore));
    expect(progressOf(node, N4)).toMatchObject({ matchIndex: 2 });
  });
});

describe('a store that is another one at a node that is not a learner', () => {
  it('changes nothing for a voter: what it has confirmed may be what commits an entry', () => {
    const node = leaderWithLearner();
    node.takeSent();
    expect(node.step({ type: 'peerStoreReplaced', peer: N2 })).toEqual([]);
    expect(progressOf(node, N2)).toMatchObject({ matchIndex: 3, state: 'replicate' });
  });

  it('changes nothing for one whose vote is on its way out, or for a stranger', () => {
    const node = leaderWithLearner();
    change(node, { type: 'demote', node: N2 });
    expect(node.status.membership).toMatchObject({ votersOutgoing: THREE_NODES, voters: [N1, N3] });
    expect(node.step({ type: 'peerStoreReplaced', peer: N2 })).toEqual([]);
    expect(node.step({ type: 'peerStoreReplaced', peer: node.status.nodeId })).toEqual([]);
  });
});
