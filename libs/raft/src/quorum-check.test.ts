import { describe, expect, it } from 'vitest';
import type { NodeId } from './ids.js';
import { LoneNode } from './test-support/lone-node.js';
import {
  appendAccepted,
  ELECTION_TIMEOUT_MS,
  FIVE_NODES,
  HEARTBEAT_INTERVAL_MS,
  N1,
  N2,
  N3,
  N4,
  N5,
  THREE_NODES,
} from './test-support/raft-builders.js';
import { VirtualCluster } from './test-support/virtual-cluster.js';

function leaderOf(voters: readonly NodeId[] = THREE_NODES): LoneNode {
  const node = new LoneNode({ voters });
  node.becomeLeader();
  return node;
}

describe('CheckQuorum, Raft thesis §6.2', () => {
  it('ends a leader that no majority has answered for one election timeout, in its term and with its vote', () => {
    const node = leaderOf();
    node.advance(ELECTION_TIMEOUT_MS - 1);
    expect(node.status.role).toBe('leader');
    node.advance(1);
    expect(node.status).toMatchObject({ role: 'follower', currentTerm: 1, votedFor: N1, leaderId: null });
    node.takeSent();
    node.advance(HEARTBEAT_INTERVAL_MS);
    expect(node.takeSent()).toEqual([]);
  });

  it('leaves a leader alone that a majority answers, also by rejections, and names its next check as a deadline', () => {
    const node = leaderOf();
    for (let round = 0; round < 10; round += 1) {
      node.nowMs += ELECTION_TIMEOUT_MS / 2;
      node.receive(N2, appendAccepted(1, 1));
      node.step({ type: 'tick' });
    }
    expect(node.status.role).toBe('leader');
    expect(node.nextDeadlineMs).toBeLessThanOrEqual(node.nowMs + ELECTION_TIMEOUT_MS);
  });

  it('counts from the time at which a majority was last heard, not from the last check', () => {
    const node = leaderOf();
    node.nowMs += 10;
    node.receive(N2, appendAccepted(1, 1));
    node.advance(ELECTION_TIMEOUT_MS - 10);
    expect(node.status.role).toBe('leader');
    node.advance(9);
    expect(node.status.role).toBe('leader');
    node.advance(1);
    expect(node.status.role).toBe('follower');
  });

  it('is not satisfied by a minority', () => {
    const node = leaderOf(FIVE_NODES);
    node.nowMs += ELECTION_TIMEOUT_MS;
    node.receive(N2, appendAccepted(1, 1));
    node.step({ type: 'tick' });
    expect(node.status.role).toBe('follower');
  });

  it('ends the leader no later when its connections are known to be closed', () => {
    const node = leaderOf();
    for (const peer of [N2, N3]) node.step({ type: 'peerDown', peer });
    node.advance(ELECTION_TIMEOUT_MS);
    expect(node.status.role).toBe('follower');
  });

  it('never ends a sole voter', () => {
    const node = leaderOf([N1]);
    for (let round = 0; round < 5; round += 1) node.advance(ELECTION_TIMEOUT_MS);
    expect(node.status.role).toBe('leader');
  });
});

const LIVENESS_LIMIT_MS = 5 * ELECTION_TIMEOUT_MS;

describe('partial partitions (FAILURE-MODES 12, 13)', () => {
  it.each([
    [
      'a bridge: two sides that meet in one node only',
      [
        [N1, N3],
        [N1, N4],
        [N2, N3],
        [N2, N4],
      ].concat([]),
    ],
    [
      'a chain',
      [
        [N1, N3],
        [N1, N4],
        [N1, N5],
        [N2, N4],
        [N2, N5],
        [N3, N5],
      ],
    ],
    [
      'a ring',
      [
        [N1, N3],
        [N1, N4],
        [N2, N4],
        [N2, N5],
        [N3, N5],
      ],
    ],
  ])('a cluster whose links form %s goes on writing, if one node reaches a majority', (_, cuts) => {
    for (let seed = 1; seed <= 20; seed += 1) {
      const cluster = new VirtualCluster({ nodes: FIVE_NODES, seed });
      cluster.awaitLeader(LIVENESS_LIMIT_MS);
      for (const [one, other] of cuts) {
        if (one === undefined || other === undefined) continue;
        cluster.cut(one, other);
        cluster.cut(other, one);
      }
      cluster.runFor(LIVENESS_LIMIT_MS);
      expectWrites(cluster);
    }
  });

  it('a leader that hears nobody but is heard by all gives way', () => {
    const cluster = new VirtualCluster({ nodes: FIVE_NODES, seed: 2 });
    const old = cluster.awaitLeader(LIVENESS_LIMIT_MS);
    for (const id of FIVE_NODES) if (id !== old.id) cluster.cut(id, old.id);
    cluster.runFor(LIVENESS_LIMIT_MS);
    expect(cluster.leader()?.id).not.toBe(old.id);
    expectWrites(cluster);
  });
});

/** Within another limit, some leader commits a new entry. */
function expectWrites(cluster: VirtualCluster): void {
  const before = cluster.oracle.committedCount;
  const untilMs = cluster.events.nowMs + LIVENESS_LIMIT_MS;
  while (cluster.oracle.committedCount <= before + 1 && cluster.events.nowMs < untilMs) {
    const leader = cluster.leader();
    if (leader !== null) cluster.propose(leader);
    cluster.runFor(HEARTBEAT_INTERVAL_MS);
  }
  expect(cluster.oracle.committedCount).toBeGreaterThan(before + 1);
}
