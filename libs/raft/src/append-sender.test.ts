import { describe, expect, it } from 'vitest';
import { ENTRY_OVERHEAD_BYTES } from './entry-size.js';
import { logIndex, type NodeId } from './ids.js';
import type { RaftMessage } from './messages.js';
import type { RaftConfig } from './raft-config.js';
import { LoneNode } from './test-support/lone-node.js';
import {
  appendAccepted,
  appendRejected,
  ELECTION_TIMEOUT_MS,
  HEARTBEAT_INTERVAL_MS,
  N2,
  N3,
  THREE_NODES,
} from './test-support/raft-builders.js';
import { VirtualCluster } from './test-support/virtual-cluster.js';

const PAYLOAD_BYTES = 100;
const ENTRY_BYTES = PAYLOAD_BYTES + ENTRY_OVERHEAD_BYTES;
const payloads = (count: number): Uint8Array[] => Array.from({ length: count }, () => new Uint8Array(PAYLOAD_BYTES));

/** A leader whose no-op is committed and to which both peers have answered. */
function leaderWith(config: Partial<RaftConfig> = {}): LoneNode {
  const node = new LoneNode({ config });
  node.becomeLeader();
  answerAll(node, N2);
  answerAll(node, N3);
  node.takeSent();
  return node;
}

function answerAll(node: LoneNode, peer: NodeId): void {
  node.receive(peer, appendAccepted(node.status.currentTerm, node.status.lastLogIndex));
}

function appendsTo(node: LoneNode, peer: NodeId): Extract<RaftMessage, { type: 'appendRequest' }>[] {
  return node.sent.flatMap(({ to, message }) => (to === peer && message.type === 'appendRequest' ? [message] : []));
}

function noticesTo(node: LoneNode, peer: NodeId): Extract<RaftMessage, { type: 'commitNotice' }>[] {
  return node.sent.flatMap(({ to, message }) => (to === peer && message.type === 'commitNotice' ? [message] : []));
}

const entryCounts = (node: LoneNode, peer: NodeId): number[] =>
  appendsTo(node, peer).map(({ entries }) => entries.length);

describe('pipelined appends', () => {
  it('go out one after the other without waiting for answers, in parallel with the own write', () => {
    const node = leaderWith();
    node.autoPersist = false;
    for (let batch = 0; batch < 3; batch += 1) node.propose(...payloads(2));
    expect(node.pendingWrites).toHaveLength(3);
    expect(appendsTo(node, N2).map(({ prevLogIndex, entries }) => [prevLogIndex, entries.length])).toEqual([
      [1, 2],
      [3, 2],
      [5, 2],
    ]);
  });

  it('stop at the number of unanswered ones, and gather what comes meanwhile into one', () => {
    const node = leaderWith({ maxInFlightAppends: 2 });
    for (let batch = 0; batch < 5; batch += 1) node.propose(...payloads(1));
    expect(entryCounts(node, N2)).toEqual([1, 1]);
    node.receive(N2, appendAccepted(1, 2));
    expect(entryCounts(node, N2)).toEqual([1, 1, 3]);
  });

  it('stop at the number of unanswered bytes', () => {
    const node = leaderWith({ maxInFlightBytes: 5 * ENTRY_BYTES });
    node.propose(...payloads(3));
    node.propose(...payloads(3));
    expect(entryCounts(node, N2)).toEqual([3, 2]);
    node.receive(N2, appendAccepted(1, 4));
    expect(entryCounts(node, N2)).toEqual([3, 2, 1]);
  });

  it('hold at most so many bytes each; a larger entry travels alone', () => {
    const node = leaderWith({ maxAppendBytes: 2 * ENTRY_BYTES });
    node.propose(...payloads(3), new Uint8Array(3 * ENTRY_BYTES), ...payloads(1));
    expect(entryCounts(node, N2)).toEqual([2, 1, 1, 1]);
  });

  it('let an entry that is larger than the whole window leave when nothing else is on its way', () => {
    const node = leaderWith({ maxAppendBytes: 2 * ENTRY_BYTES, maxInFlightBytes: 4 * ENTRY_BYTES });
    node.propose(...payloads(1), new Uint8Array(5 * ENTRY_BYTES), ...payloads(1));
    expect(entryCounts(node, N2)).toEqual([1]);
    node.receive(N2, appendAccepted(1, 2));
    expect(entryCounts(node, N2)).toEqual([1, 1]);
    node.receive(N2, appendAccepted(1, 3));
    expect(entryCounts(node, N2)).toEqual([1, 1, 1]);
  });

  it('probe a peer with one append until it has answered', () => {
    const node = new LoneNode();
    node.becomeLeader();
    node.takeSent();
    node.propose(...payloads(1));
    node.propose(...payloads(1));
    expect(entryCounts(node, N2)).toEqual([]);
    node.receive(N2, appendAccepted(1, 1));
    expect(entryCounts(node, N2)).toEqual([2]);
    expect(node.status.progress).toMatchObject([
      { peer: N2, state: 'replicate', matchIndex: 1, nextIndex: 4, inFlightAppends: 1 },
      { peer: N3, state: 'probe', matchIndex: 0, nextIndex: 1, inFlightAppends: 0 },
    ]);
  });

  it('stuck because the answers were lost go on with the answer to a heartbeat', () => {
    const node = leaderWith({ maxInFlightAppends: 2 });
    for (let batch = 0; batch < 4; batch += 1) node.propose(...payloads(1));
    node.takeSent();
    node.advance(HEARTBEAT_INTERVAL_MS);
    expect(appendsTo(node, N2)).toMatchObject([{ prevLogIndex: 3, entries: [] }]);
    node.receive(N2, appendAccepted(1, 3));
    expect(entryCounts(node, N2)).toEqual([0, 2]);
  });

  it('stuck because they were lost themselves begin again with the answer to a heartbeat', () => {
    const node = leaderWith({ maxInFlightAppends: 2 });
    for (let batch = 0; batch < 4; batch += 1) node.propose(...payloads(1));
    node.advance(HEARTBEAT_INTERVAL_MS);
    node.takeSent();
    node.receive(N2, appendRejected(1, { prevLogIndex: 3, lastLogIndex: 1 }));
    expect(appendsTo(node, N2)).toMatchObject([{ prevLogIndex: 1, entries: { length: 4 } }]);
  });

  it('of which only the first was answered are all made room for by the answer to a later one', () => {
    const node = leaderWith({ maxInFlightAppends: 3 });
    for (let batch = 0; batch < 3; batch += 1) node.propose(...payloads(1));
    node.receive(N2, appendAccepted(1, 2));
    node.propose(...payloads(1));
    node.propose(...payloads(1));
    node.takeSent();
    node.receive(N2, appendAccepted(1, 5));
    expect(node.status.progress[0]).toMatchObject({ peer: N2, inFlightAppends: 1 });
    expect(entryCounts(node, N2)).toEqual([1]);
  });

  it('that are not answered take no more room while proposals come in than the window', () => {
    const node = leaderWith({ maxInFlightAppends: 4, maxInFlightBytes: 10 * ENTRY_BYTES });
    for (let batch = 0; batch < 100; batch += 1) node.propose(...payloads(1));
    expect(entryCounts(node, N2)).toEqual([1, 1, 1, 1]);
    for (let beat = 0; beat < 3; beat += 1) node.advance(HEARTBEAT_INTERVAL_MS);
    expect(node.status.progress[0]).toMatchObject({ peer: N2, inFlightAppends: 4 });
  });

  it('share one array of entries among all peers and the own write, so that it is encoded once', () => {
    const node = leaderWith();
    node.autoPersist = false;
    node.propose(...payloads(4));
    const write = node.pendingWrites[0];
    const written = write?.type === 'persist' ? write.entries : [];
    expect(written).toHaveLength(4);
    expect(appendsTo(node, N2)[0]?.entries).toBe(written);
    expect(appendsTo(node, N3)[0]?.entries).toBe(written);
  });
});

describe('news of the commit index', () => {
  it('goes at once to a peer to which nothing is on its way', () => {
    const node = leaderWith();
    node.propose(...payloads(1));
    node.takeSent();
    answerAll(node, N2);
    expect(noticesTo(node, N2)).toMatchObject([{ prevLogIndex: 2, leaderCommit: 2 }]);
    // N3 still has the entry on its way; it learns when it has answered.
    expect(noticesTo(node, N3)).toEqual([]);
    answerAll(node, N3);
    expect(noticesTo(node, N3)).toMatchObject([{ prevLogIndex: 2, leaderCommit: 2 }]);
    expect(noticesTo(node, N2)).toHaveLength(1);
    expect([...appendsTo(node, N2), ...appendsTo(node, N3)]).toEqual([]);
  });

  it('does not go to a peer at which nobody waits for it, until that peer says otherwise', () => {
    const node = leaderWith();
    const { currentTerm } = node.status;
    const answer = (matchIndex: number, wantsCommitNotice: boolean) =>
      node.receive(N2, {
        type: 'appendAccepted',
        term: currentTerm,
        matchIndex: logIndex(matchIndex),
        confirmRound: 0,
        wantsCommitNotice,
      });
    node.propose(...payloads(1));
    answer(2, false);
    expect(node.status.commitIndex).toBe(2);
    expect(noticesTo(node, N2)).toEqual([]);
    node.propose(...payloads(1));
    expect(appendsTo(node, N2).at(-1)).toMatchObject({ leaderCommit: 2 });
    answer(3, true);
    expect(noticesTo(node, N2)).toMatchObject([{ leaderCommit: 3 }]);
  });

  it('rides on the next entries when there are any', () => {
    const node = leaderWith({ maxInFlightAppends: 1 });
    node.propose(...payloads(1));
    node.propose(...payloads(1));
    node.takeSent();
    node.receive(N2, appendAccepted(1, 2));
    expect(appendsTo(node, N2)).toMatchObject([{ entries: [{ index: 3 }], leaderCommit: 2 }]);
    expect(appendsTo(node, N3)).toEqual([]);
  });

  it('never tells a follower to commit more than it may have', () => {
    const node = leaderWith();
    node.propose(...payloads(1));
    node.takeSent();
    answerAll(node, N2);
    expect(noticesTo(node, N2)).toHaveLength(1);
    for (const { prevLogIndex, leaderCommit } of noticesTo(node, N2)) {
      expect(leaderCommit).toBeLessThanOrEqual(prevLogIndex);
    }
  });
});

describe('heartbeats', () => {
  it('are not sent to a peer that was just sent entries', () => {
    const node = leaderWith();
    node.advance(HEARTBEAT_INTERVAL_MS - 1);
    node.propose(...payloads(1));
    node.takeSent();
    node.advance(1);
    expect(node.takeSent()).toEqual([]);
    expect(node.nextDeadlineMs).toBe(node.nowMs + HEARTBEAT_INTERVAL_MS - 1);
    node.advance(HEARTBEAT_INTERVAL_MS - 1);
    expect(node.takeSent().map(({ to }) => to)).toEqual([N2, N3]);
  });

  it('check the last entry sent, so that a lost one is noticed', () => {
    const node = leaderWith();
    node.propose(...payloads(2));
    node.takeSent();
    node.advance(HEARTBEAT_INTERVAL_MS);
    expect(appendsTo(node, N2)).toMatchObject([{ entries: [], prevLogIndex: 3 }]);
  });
});

describe('messages in a whole cluster', () => {
  it('stay within the budgets of MIT 6.5840 test Count: election, ten entries, an idle second', () => {
    const cluster = new VirtualCluster({ nodes: THREE_NODES, seed: 9, config: { heartbeatIntervalMs: 100 } });
    let requests = 0;
    cluster.onMessage = (_from, _to, { type }) => {
      if (type.endsWith('Request')) requests += 1;
    };
    const leader = cluster.awaitLeader(4 * ELECTION_TIMEOUT_MS);
    cluster.runFor(10);
    expect(requests).toBeLessThanOrEqual(30);
    requests = 0;
    for (let entry = 0; entry < 10; entry += 1) cluster.propose(leader);
    cluster.runFor(50);
    expect(cluster.oracle.committedCount).toBe(11);
    expect(requests).toBeLessThanOrEqual((10 + 1 + 3) * 3);
    requests = 0;
    cluster.runFor(1_000);
    expect(requests).toBeLessThanOrEqual(2 * 3 * 10);
  });

  it('carry each entry once to each peer when nothing is lost', () => {
    const ENTRIES = 200;
    const cluster = new VirtualCluster({ nodes: THREE_NODES, seed: 10, config: { maxAppendBytes: 120 } });
    const leader = cluster.awaitLeader(4 * ELECTION_TIMEOUT_MS);
    let carried = 0;
    cluster.onMessage = (_from, _to, message) => {
      if (message.type === 'appendRequest') carried += message.entries.length;
    };
    cluster.network = { dropChance: 0, repeatChance: 0, delayMs: { from: 0.3, to: 0.3 } };
    for (let batch = 0; batch < ENTRIES / 4; batch += 1) {
      cluster.propose(leader, 4);
      cluster.runFor(0.1);
    }
    cluster.runFor(200);
    expect(cluster.oracle.committedCount).toBe(1 + ENTRIES);
    expect(carried).toBe(2 * ENTRIES);
  });

  it('recover by themselves when any of them are lost, also with the last proposal lost to all', () => {
    const cluster = new VirtualCluster({ nodes: THREE_NODES, seed: 11 });
    const leader = cluster.awaitLeader(4 * ELECTION_TIMEOUT_MS);
    cluster.network = { ...cluster.network, dropChance: 1 };
    cluster.propose(leader, 5);
    cluster.runFor(5);
    cluster.network = { ...cluster.network, dropChance: 0 };
    cluster.runFor(3 * HEARTBEAT_INTERVAL_MS);
    expect(cluster.all().map((node) => node.status?.commitIndex)).toEqual([6, 6, 6]);
    expect(cluster.leader()?.id).toBe(leader.id);
  });
});
