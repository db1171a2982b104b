import { describe, expect, it } from 'vitest';
import type { NodeId } from './ids.js';
import { LoneNode } from './test-support/lone-node.js';
import {
  appendAccepted,
  appendRequest,
  commandEntry,
  ELECTION_TIMEOUT_MS,
  hardState,
  HEARTBEAT_INTERVAL_MS,
  N1,
  N2,
  N3,
  preVoteResponse,
  THREE_NODES,
  voteResponse,
} from './test-support/raft-builders.js';
import { ensure } from './test-support/raft-oracle.js';
import { VirtualCluster } from './test-support/virtual-cluster.js';
import type { VirtualNode } from './test-support/virtual-node.js';

const STALL_TIMEOUT_MS = 2 * ELECTION_TIMEOUT_MS;

/** Its no-op is committed; no write completes from now on. */
function leaderOf(voters: readonly NodeId[] = THREE_NODES): LoneNode {
  const node = new LoneNode({ voters, config: { diskStallTimeoutMs: STALL_TIMEOUT_MS } });
  node.becomeLeader();
  node.receive(N2, appendAccepted(1, 1));
  node.takeSent();
  node.outcomes.length = 0;
  node.autoPersist = false;
  return node;
}

/** Time passes, and N2 goes on answering: nothing but the disk is wrong. */
function passTime(node: LoneNode, durationMs: number): void {
  const untilMs = node.nowMs + durationMs;
  while (node.nowMs < untilMs) {
    node.advance(Math.min(HEARTBEAT_INTERVAL_MS, untilMs - node.nowMs));
    if (node.status.role === 'leader') node.receive(N2, appendAccepted(node.status.currentTerm, 1));
  }
}

describe('a leader whose own write does not end (FAILURE-MODES 30)', () => {
  it('gives way after the timeout, whatever its peers answer', () => {
    const node = leaderOf();
    node.propose(new Uint8Array(1));
    passTime(node, STALL_TIMEOUT_MS - 1);
    expect(node.status).toMatchObject({ role: 'leader', isDiskStalled: false });
    expect(node.nextDeadlineMs).toBeLessThanOrEqual(node.nowMs + 1);
    passTime(node, 1);
    expect(node.status).toMatchObject({ role: 'follower', isDiskStalled: true });
    expect(node.outcomes.at(-1)).toEqual({ type: 'roleChanged', role: 'follower', term: 1, leaderId: null });
  });

  it('is asked to look at that very moment, also when nothing else is due then', () => {
    const node = leaderOf();
    node.propose(new Uint8Array(1));
    node.nowMs = STALL_TIMEOUT_MS + node.nowMs - 1;
    node.receive(N2, appendAccepted(1, 1));
    node.step({ type: 'tick' });
    expect(node.nextDeadlineMs).toBe(node.nowMs + 1);
  });

  it('stays while its writes end in time, however many there are', () => {
    const node = leaderOf();
    for (let round = 0; round < 10; round += 1) {
      node.propose(new Uint8Array(1));
      passTime(node, STALL_TIMEOUT_MS / 2);
      node.completeWrites(1);
      node.takeSent();
    }
    expect(node.status.role).toBe('leader');
  });

  it('stays when it has no write under way', () => {
    const node = leaderOf();
    passTime(node, 10 * STALL_TIMEOUT_MS);
    expect(node.status.role).toBe('leader');
  });

  it('stays when there is nobody to give way to', () => {
    const node = leaderOf([N1]);
    node.propose(new Uint8Array(1));
    node.advance(10 * STALL_TIMEOUT_MS);
    expect(node.status.role).toBe('leader');
    expect(node.nextDeadlineMs).toBeGreaterThan(node.nowMs);
  });

  it('does not give way again soon, when it was elected again: perhaps all disks are slow', () => {
    const node = leaderOf();
    node.propose(new Uint8Array(1));
    passTime(node, STALL_TIMEOUT_MS);
    expect(node.status.role).toBe('follower');
    node.completeWrites();
    node.autoPersist = true;
    node.becomeLeader();
    node.autoPersist = false;
    const electedAtMs = node.nowMs;
    node.propose(new Uint8Array(1));
    passTime(node, STALL_TIMEOUT_MS);
    expect(node.status.role).toBe('leader');
    while (node.status.role === 'leader') passTime(node, HEARTBEAT_INTERVAL_MS);
    expect(node.nowMs - electedAtMs).toBeLessThanOrEqual(10 * ELECTION_TIMEOUT_MS + HEARTBEAT_INTERVAL_MS);
  });
});

describe('a node whose write does not end', () => {
  /** A follower that was given an entry longer ago than a write may take. */
  function stalledFollower(): LoneNode {
    const node = new LoneNode({ hardState: hardState(1), config: { diskStallTimeoutMs: STALL_TIMEOUT_MS } });
    node.autoPersist = false;
    node.receive(N2, appendRequest({ term: 1, entries: [commandEntry(1, 1)] }));
    for (let beat = 0; beat * HEARTBEAT_INTERVAL_MS < STALL_TIMEOUT_MS; beat += 1) {
      node.nowMs += HEARTBEAT_INTERVAL_MS;
      node.receive(N2, appendRequest({ term: 1, prevLogIndex: 1, prevLogTerm: 1 }));
    }
    node.takeSent();
    return node;
  }

  it('does not campaign, not even by asking, but knows no leader any more', () => {
    const node = stalledFollower();
    for (let attempt = 0; attempt < 3; attempt += 1) node.timeout();
    expect(node.takeSent()).toEqual([]);
    expect(node.status).toMatchObject({ role: 'follower', leaderId: null, currentTerm: 1 });
  });

  it('does not campaign when its leader asks it to', () => {
    const node = stalledFollower();
    node.receive(N2, { type: 'timeoutNow', term: node.status.currentTerm });
    expect(node.status.role).toBe('follower');
  });

  it('campaigns again once the write has ended', () => {
    const node = stalledFollower();
    node.timeout();
    node.completeWrites();
    node.takeSent();
    node.timeout();
    expect(node.status.role).toBe('preCandidate');
    expect(node.takeSent().map(({ to }) => to)).toEqual([N2, N3]);
  });

  it('does not become a candidate by grants that come late', () => {
    const node = new LoneNode({ hardState: hardState(1), config: { diskStallTimeoutMs: STALL_TIMEOUT_MS } });
    node.autoPersist = false;
    node.receive(N2, appendRequest({ term: 1, entries: [commandEntry(1, 1)] }));
    node.timeout();
    expect(node.status.role).toBe('preCandidate');
    node.nowMs = STALL_TIMEOUT_MS;
    node.receive(N3, preVoteResponse(1, 2, true));
    expect(node.status.role).toBe('preCandidate');
  });

  it('does not take the office that others elect it to before its vote is on disk', () => {
    const node = new LoneNode({ config: { diskStallTimeoutMs: STALL_TIMEOUT_MS } });
    node.timeout();
    node.autoPersist = false;
    node.receive(N2, preVoteResponse(0, 1, true));
    node.takeSent();
    node.nowMs += STALL_TIMEOUT_MS;
    for (const voter of [N2, N3]) node.receive(voter, voteResponse(1, true));
    expect(node.status.role).toBe('candidate');
    node.completeWrites();
    expect(node.status.role).toBe('leader');
  });
});

describe('a cluster in which one disk hangs', () => {
  /** The two that remain may split the vote once or twice. */
  const LIMIT_MS = STALL_TIMEOUT_MS + 7 * ELECTION_TIMEOUT_MS;

  function stallLeader(seed: number): { readonly cluster: VirtualCluster; readonly stalled: VirtualNode } {
    const cluster = new VirtualCluster({ nodes: THREE_NODES, seed, config: { diskStallTimeoutMs: STALL_TIMEOUT_MS } });
    const stalled = cluster.awaitLeader(4 * ELECTION_TIMEOUT_MS);
    stalled.stallDisk();
    cluster.propose(stalled);
    return { cluster, stalled };
  }

  it('has another leader soon, and keeps it', () => {
    for (let seed = 1; seed <= 20; seed += 1) {
      const { cluster, stalled } = stallLeader(seed);
      const isHandedOver = (): boolean => cluster.leader() !== null && cluster.leader() !== stalled;
      cluster.runUntil(isHandedOver, LIMIT_MS, 'another node leads');
      const leader = cluster.awaitLeader(ELECTION_TIMEOUT_MS);
      cluster.runFor(10 * ELECTION_TIMEOUT_MS);
      expect(cluster.leader()).toBe(leader);
    }
  });

  it('takes the node back when its disk works again: also as a leader', () => {
    const { cluster, stalled } = stallLeader(3);
    cluster.runFor(LIMIT_MS);
    stalled.resumeDisk();
    cluster.runFor(ELECTION_TIMEOUT_MS);
    expect(stalled.status?.commitIndex).toBe(cluster.oracle.committedCount);
    const other = cluster.all().find((node) => node !== stalled && node !== cluster.leader());
    ensure(other !== undefined, 'there are three nodes');
    // One of the two that remain must lead, and only with the vote of the other.
    const leader = cluster.leader();
    ensure(leader !== null && leader !== stalled, 'another node leads');
    cluster.crash(leader.id, 1);
    other.stallDisk();
    cluster.runFor(4 * ELECTION_TIMEOUT_MS);
    expect(stalled.status?.role).not.toBe('leader');
    other.resumeDisk();
    cluster.awaitLeader(8 * ELECTION_TIMEOUT_MS);
  });
});
