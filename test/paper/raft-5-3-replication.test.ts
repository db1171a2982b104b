import { describe, expect, it } from 'vitest';
import { nodeId, type NodeId } from '@latchkey/raft';
import { LoneNode } from '../../libs/raft/src/test-support/lone-node.js';
import {
  appendAccepted,
  appendRequest,
  commandEntry,
  entriesOfTerms,
  hardState,
  HEARTBEAT_INTERVAL_MS,
  N2,
  N3,
  termsOf,
  THREE_NODES,
} from '../../libs/raft/src/test-support/raft-builders.js';
import { VirtualCluster } from '../../libs/raft/src/test-support/virtual-cluster.js';

const PAYLOAD = new Uint8Array([1, 2, 3]);
const NEWEST_TERM_OF_FIGURE_7 = 7;

describe('log replication, Raft §5.3', () => {
  it('a leader appends a proposal to its log and sends it to all, naming the entry before it', () => {
    const node = leaderWithCommittedNoop();
    const { currentTerm, lastLogIndex } = node.status;
    node.propose(PAYLOAD);
    const entry = { type: 'command', index: lastLogIndex + 1, term: currentTerm, data: PAYLOAD };
    expect(node.log.at(-1)).toEqual(entry);
    const append = {
      type: 'appendRequest',
      term: currentTerm,
      prevLogIndex: lastLogIndex,
      prevLogTerm: currentTerm,
      entries: [entry],
    };
    expect(node.takeSent()).toMatchObject([
      { to: N2, message: append },
      { to: N3, message: append },
    ]);
  });

  it('a leader commits what a majority holds, applies it, and tells the followers how far', () => {
    const node = leaderWithCommittedNoop();
    const { currentTerm } = node.status;
    node.propose(PAYLOAD);
    const { lastLogIndex, commitIndex } = node.status;
    expect(commitIndex).toBe(lastLogIndex - 1);
    node.takeSent();
    node.receive(N2, appendAccepted(currentTerm, lastLogIndex));
    expect(node.status.commitIndex).toBe(lastLogIndex);
    expect(node.applied.at(-1)).toMatchObject({ index: lastLogIndex, data: PAYLOAD });
    node.advance(HEARTBEAT_INTERVAL_MS);
    const told = node
      .takeSent()
      .filter(({ message }) => 'leaderCommit' in message && message.leaderCommit === lastLogIndex);
    expect(new Set(told.map(({ to }) => to))).toEqual(new Set([N2, N3]));
  });

  it.each([
    { size: 1, acceptors: [], commits: true },
    { size: 3, acceptors: [], commits: false },
    { size: 3, acceptors: [2], commits: true },
    { size: 3, acceptors: [3], commits: true },
    { size: 3, acceptors: [2, 3], commits: true },
    { size: 4, acceptors: [2], commits: false },
    { size: 4, acceptors: [2, 4], commits: true },
    { size: 5, acceptors: [], commits: false },
    { size: 5, acceptors: [5], commits: false },
    { size: 5, acceptors: [2, 2], commits: false },
    { size: 5, acceptors: [2, 3], commits: true },
    { size: 5, acceptors: [4, 5], commits: true },
    { size: 5, acceptors: [2, 3, 4, 5], commits: true },
  ])('of $size servers, acceptance by $acceptors beside the leader commits: $commits', (round) => {
    const voters = [1, 2, 3, 4, 5].slice(0, round.size).map((number) => nodeId(`n${number}`));
    const node = leaderWithCommittedNoop(voters);
    const { currentTerm } = node.status;
    node.propose(PAYLOAD);
    const { lastLogIndex } = node.status;
    for (const number of round.acceptors) node.receive(nodeId(`n${number}`), appendAccepted(currentTerm, lastLogIndex));
    expect(node.status.commitIndex === lastLogIndex).toBe(round.commits);
  });

  it.each([[[]], [[2]], [[1, 2]], [[1, 1, 3]]])(
    'committing an entry commits all before it, of whatever terms: %j',
    (terms) => {
      const node = new LoneNode({ entries: entriesOfTerms(...terms) });
      node.becomeLeader();
      node.propose(PAYLOAD);
      const { currentTerm, lastLogIndex } = node.status;
      node.receive(N2, appendAccepted(currentTerm, lastLogIndex));
      expect(termsOf(node.applied)).toEqual([...terms, currentTerm, currentTerm]);
    },
  );

  it.each([
    { leaderCommit: 1, appliedCount: 1 },
    { leaderCommit: 2, appliedCount: 2 },
    { leaderCommit: 3, appliedCount: 3 },
    { leaderCommit: 9, appliedCount: 3 },
  ])(
    'a follower applies what is committed ($leaderCommit) in log order, each entry once',
    ({ leaderCommit, appliedCount }) => {
      const node = new LoneNode();
      const entries = entriesOfTerms(1, 1, 1);
      node.receive(N2, appendRequest({ term: 1, entries, leaderCommit }));
      node.receive(N2, appendRequest({ term: 1, entries, leaderCommit }));
      expect(node.applied).toEqual(entries.slice(0, appliedCount));
    },
  );

  it.each([
    { prevLogTerm: 0, prevLogIndex: 0, isAccepted: true },
    { prevLogTerm: 1, prevLogIndex: 1, isAccepted: true },
    { prevLogTerm: 2, prevLogIndex: 2, isAccepted: true },
    { prevLogTerm: 1, prevLogIndex: 2, isAccepted: false },
    { prevLogTerm: 2, prevLogIndex: 1, isAccepted: false },
    { prevLogTerm: 2, prevLogIndex: 3, isAccepted: false },
    { prevLogTerm: 3, prevLogIndex: 3, isAccepted: false },
  ])('a follower holding 1/1 2/2 checks $prevLogIndex/$prevLogTerm before it appends', (check) => {
    const node = new LoneNode({ entries: entriesOfTerms(1, 2) });
    node.receive(N2, appendRequest({ term: 3, ...check }));
    expect(node.takeSentTo(N2)).toMatchObject([{ type: check.isAccepted ? 'appendAccepted' : 'appendRejected' }]);
  });

  it.each([
    { prev: 2, terms: [3], result: [1, 2, 3] },
    { prev: 1, terms: [3, 4], result: [1, 3, 4] },
    { prev: 0, terms: [1], result: [1, 2] },
    { prev: 0, terms: [1, 2], result: [1, 2] },
    { prev: 0, terms: [3], result: [3] },
    { prev: 1, terms: [2, 3], result: [1, 2, 3] },
    { prev: 1, terms: [], result: [1, 2] },
  ])(
    'a follower holding terms 1 2 removes conflicts only: $terms after $prev give $result',
    ({ prev, terms, result }) => {
      const node = new LoneNode({ entries: entriesOfTerms(1, 2) });
      const entries = terms.map((term, position) => commandEntry(prev + 1 + position, term));
      node.receive(N2, appendRequest({ term: 4, prevLogIndex: prev, prevLogTerm: prev, entries }));
      expect(termsOf(node.log)).toEqual(result);
    },
  );

  it.each([
    ['a: lacks the last entry', [1, 1, 1, 4, 4, 5, 5, 6, 6]],
    ['b: lacks six entries', [1, 1, 1, 4]],
    ['c: has one entry more', [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6]],
    ['d: has entries of a term that the leader never saw', [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7]],
    ['e: has extra entries of an old term', [1, 1, 1, 4, 4, 4, 4]],
    ['f: led twice and committed nothing', [1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3]],
  ])('a leader brings the follower of Figure 7 %s to its own log', (_, followerTerms) => {
    const leaderLog = entriesOfTerms(1, 1, 1, 4, 4, 5, 5, 6, 6, 6);
    const leader = new LoneNode({ entries: leaderLog, hardState: hardState(NEWEST_TERM_OF_FIGURE_7) });
    const follower = new LoneNode({
      config: { nodeId: N2 },
      entries: entriesOfTerms(...followerTerms),
      hardState: hardState(NEWEST_TERM_OF_FIGURE_7),
    });
    leader.becomeLeader();
    exchange(leader, follower);
    expect(termsOf(follower.log)).toEqual(termsOf(leader.log));
    expect(follower.status.commitIndex).toBe(leader.status.lastLogIndex);
  });

  it('a whole cluster that was cut in two agrees on one log when it is whole again', () => {
    const cluster = new VirtualCluster({ nodes: THREE_NODES, seed: 3 });
    const old = cluster.awaitLeader(2_000);
    cluster.partition([old.id]);
    cluster.propose(old, 20);
    cluster.runFor(1_000);
    cluster.propose(cluster.awaitLeader(2_000), 30);
    cluster.runFor(100);
    cluster.heal();
    cluster.runFor(1_000);
    const [log, ...others] = cluster.all().map((node) => termsOf(node.disk.log.entries));
    for (const other of others) expect(other).toEqual(log);
    expect(log).toHaveLength(cluster.oracle.committedCount);
  });
});

function leaderWithCommittedNoop(voters: readonly NodeId[] = THREE_NODES): LoneNode {
  const node = new LoneNode({ voters });
  node.becomeLeader();
  const { currentTerm, lastLogIndex } = node.status;
  for (const voter of voters.slice(1)) node.receive(voter, appendAccepted(currentTerm, lastLogIndex));
  node.takeSent();
  return node;
}

/** Passes messages between two nodes until both are silent. */
function exchange(leader: LoneNode, follower: LoneNode): void {
  const MAX_ROUNDS = 20;
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const requests = leader.takeSentTo(follower.id);
    if (requests.length === 0) return;
    for (const request of requests) follower.receive(leader.id, request);
    for (const answer of follower.takeSentTo(leader.id)) leader.receive(follower.id, answer);
  }
  throw new Error(`still talking after ${MAX_ROUNDS} rounds`);
}
