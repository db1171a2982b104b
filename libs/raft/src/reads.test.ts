import { describe, expect, it } from 'vitest';
import { logIndex, readId, term, type NodeId } from './ids.js';
import type { RaftMessage } from './messages.js';
import { MAX_PENDING_READS } from './reads.js';
import { LoneNode } from './test-support/lone-node.js';
import {
  appendAccepted,
  appendRequest,
  ELECTION_TIMEOUT_MS,
  FIVE_NODES,
  hardState,
  HEARTBEAT_INTERVAL_MS,
  N1,
  N2,
  N3,
  N4,
} from './test-support/raft-builders.js';

function newLeader(voters?: readonly NodeId[]): LoneNode {
  const node = new LoneNode(voters === undefined ? {} : { voters });
  node.becomeLeader();
  node.outcomes.length = 0;
  node.takeSent();
  return node;
}

/** A leader that has committed its no-op. */
function readyLeader(voters?: readonly NodeId[]): LoneNode {
  const node = newLeader(voters);
  for (const { peer } of node.status.progress) node.receive(peer, appendAccepted(1, 1));
  node.takeSent();
  return node;
}

function follower(): LoneNode {
  const node = new LoneNode({ hardState: hardState(1) });
  node.receive(N2, appendRequest({ term: 1 }));
  node.takeSent();
  node.outcomes.length = 0;
  return node;
}

const completed = (id: number, readIndex: number) => ({ type: 'completeRead', readId: id, readIndex });
const failed = (id: number) => ({ type: 'failRead', readId: id });
const readOutcomes = (node: LoneNode) =>
  node.outcomes.filter(({ type }) => type === 'completeRead' || type === 'failRead');

function roundOf(node: LoneNode): number {
  const append = node.sent.findLast(({ message }) => message.type === 'appendRequest')?.message;
  return append?.type === 'appendRequest' ? append.confirmRound : 0;
}

describe('ReadIndex at the leader, Raft thesis §6.4', () => {
  it('answers with the commit index once a majority has confirmed its leadership after the read began', () => {
    const node = readyLeader();
    node.read(7);
    expect(node.outcomes).toEqual([]);
    expect(node.sent.map(({ to }) => to)).toEqual([N2, N3]);
    node.receive(N2, appendAccepted(1, 1, roundOf(node)));
    expect(node.outcomes).toEqual([completed(7, 1)]);
  });

  it('does not take an answer to an earlier message for a confirmation (FAILURE-MODES 22)', () => {
    const node = readyLeader();
    node.advance(HEARTBEAT_INTERVAL_MS);
    const earlierRound = roundOf(node);
    node.read(7);
    node.receive(N2, appendAccepted(1, 1, earlierRound));
    node.receive(N3, appendAccepted(1, 1, earlierRound));
    expect(node.outcomes).toEqual([]);
  });

  it('lets reads that come while a round is under way share the next one', () => {
    const node = readyLeader();
    node.read(1);
    const firstRound = roundOf(node);
    node.takeSent();
    node.read(2);
    node.read(3);
    expect(node.takeSent()).toEqual([]);
    node.receive(N2, appendAccepted(1, 1, firstRound));
    expect(node.outcomes).toEqual([completed(1, 1)]);
    expect(node.sent.map(({ to }) => to)).toEqual([N2, N3]);
    node.receive(N3, appendAccepted(1, 1, firstRound));
    expect(node.outcomes).toHaveLength(1);
    node.receive(N3, appendAccepted(1, 1, roundOf(node)));
    expect(node.outcomes.slice(1)).toEqual([completed(2, 1), completed(3, 1)]);
  });

  it('needs a majority of a larger cluster, each peer counted once', () => {
    const node = readyLeader(FIVE_NODES);
    node.read(1);
    const round = roundOf(node);
    node.receive(N2, appendAccepted(1, 1, round));
    node.receive(N2, appendAccepted(1, 1, round));
    expect(node.outcomes).toEqual([]);
    node.receive(N4, appendAccepted(1, 1, round));
    expect(node.outcomes).toEqual([completed(1, 1)]);
  });

  it('waits until an entry of its own term is committed (FAILURE-MODES 21)', () => {
    const node = newLeader();
    node.read(1);
    expect(node.takeSent()).toEqual([]);
    node.receive(N2, appendAccepted(1, 1));
    expect(node.outcomes).toEqual([]);
    node.receive(N3, appendAccepted(1, 1, roundOf(node)));
    expect(node.outcomes).toEqual([completed(1, 1)]);
  });

  it('is confirmed by a rejection too: it comes from one who follows', () => {
    const node = readyLeader();
    node.read(1);
    const rejection: RaftMessage = {
      type: 'appendRejected',
      term: term(1),
      prevLogIndex: logIndex(1),
      conflictTerm: term(0),
      conflictIndex: logIndex(1),
      lastLogIndex: logIndex(0),
      confirmRound: roundOf(node),
    };
    node.receive(N2, rejection);
    expect(node.outcomes).toEqual([completed(1, 1)]);
  });

  it('does not believe in rounds that have not begun', () => {
    const node = readyLeader();
    node.receive(N2, appendAccepted(1, 1, 1_000));
    node.read(1);
    expect(node.outcomes).toEqual([]);
  });

  it('repeats a lost round with the next heartbeat', () => {
    const node = readyLeader();
    node.read(1);
    const round = roundOf(node);
    node.takeSent();
    node.advance(HEARTBEAT_INTERVAL_MS);
    expect(roundOf(node)).toBe(round);
  });

  it('needs nobody else when it is the only voter', () => {
    const node = newLeader([N1]);
    expect(node.status).toMatchObject({ role: 'leader', commitIndex: 1 });
    node.read(1);
    expect(readOutcomes(node)).toEqual([completed(1, 1)]);
  });

  it('fails what waits when leadership ends, its own and those of followers', () => {
    const node = readyLeader();
    node.read(1);
    node.read(2);
    node.receive(N3, { type: 'readIndexRequest', term: term(1), readId: readId(9) });
    node.takeSent();
    node.receive(N2, appendRequest({ term: 2 }));
    expect(readOutcomes(node)).toEqual([failed(1), failed(2)]);
    expect(node.takeSentTo(N3)).toMatchObject([{ type: 'readIndexRefused', readId: 9 }]);
    node.receive(N3, appendAccepted(1, 1, roundOf(node)));
    expect(readOutcomes(node)).toHaveLength(2);
  });

  it('takes a bounded number of reads', () => {
    const node = newLeader();
    for (let id = 1; id <= MAX_PENDING_READS + 1; id += 1) node.read(id);
    expect(node.outcomes).toEqual([failed(MAX_PENDING_READS + 1)]);
    node.receive(N3, { type: 'readIndexRequest', term: term(1), readId: readId(1) });
    expect(node.takeSentTo(N3)).toMatchObject([{ type: 'readIndexRefused' }]);
  });
});

describe('ReadIndex at a follower', () => {
  it('asks the leader and answers with what it says', () => {
    const node = follower();
    node.read(5);
    expect(node.takeSent()).toMatchObject([{ to: N2, message: { type: 'readIndexRequest', readId: 5 } }]);
    node.receive(N2, { type: 'readIndexResponse', term: term(1), readId: readId(5), readIndex: logIndex(3) });
    expect(node.outcomes).toEqual([completed(5, 3)]);
    node.receive(N2, { type: 'readIndexResponse', term: term(1), readId: readId(5), readIndex: logIndex(3) });
    expect(node.outcomes).toHaveLength(1);
  });

  it('is served by a leader that confirms itself first', () => {
    const node = readyLeader();
    node.receive(N3, { type: 'readIndexRequest', term: term(1), readId: readId(4) });
    expect(node.sent.some(({ message }) => message.type === 'readIndexResponse')).toBe(false);
    node.receive(N2, appendAccepted(1, 1, roundOf(node)));
    expect(node.takeSentTo(N3).at(-1)).toEqual({ type: 'readIndexResponse', term: 1, readId: 4, readIndex: 1 });
  });

  it('is refused by one who does not lead', () => {
    const node = follower();
    node.receive(N3, { type: 'readIndexRequest', term: term(1), readId: readId(4) });
    expect(node.takeSentTo(N3)).toMatchObject([{ type: 'readIndexRefused', readId: 4 }]);
  });

  it('fails at once when no leader is known', () => {
    const node = new LoneNode();
    node.read(1);
    expect(node.outcomes).toEqual([failed(1)]);
  });

  it('fails when the leader refuses', () => {
    const node = follower();
    node.read(1);
    node.receive(N2, { type: 'readIndexRefused', term: term(1), readId: readId(1) });
    expect(node.outcomes).toEqual([failed(1)]);
  });

  it('fails when the leader changes or is lost', () => {
    const changed = follower();
    changed.read(1);
    changed.receive(N3, appendRequest({ term: 2 }));
    expect(readOutcomes(changed)).toEqual([failed(1)]);
    const lost = follower();
    lost.read(2);
    lost.step({ type: 'peerDown', peer: N2 });
    expect(readOutcomes(lost)).toEqual([failed(2)]);
  });

  it('fails after an election timeout without an answer, though the leader still sends heartbeats', () => {
    const node = follower();
    node.read(1);
    node.nowMs += ELECTION_TIMEOUT_MS / 2;
    node.receive(N2, appendRequest({ term: 1 }));
    node.read(2);
    expect(node.nextDeadlineMs).toBe(ELECTION_TIMEOUT_MS);
    node.timeout();
    expect(node.outcomes).toEqual([failed(1)]);
    expect(node.status.leaderId).toBe(N2);
  });

  it('keeps a bounded number of reads waiting', () => {
    const node = follower();
    for (let id = 1; id <= MAX_PENDING_READS + 1; id += 1) node.read(id);
    expect(node.outcomes).toEqual([failed(MAX_PENDING_READS + 1)]);
  });
});
