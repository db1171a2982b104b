import { describe, expect, it } from 'vitest';
import { LoneNode } from './test-support/lone-node.js';
import {
  appendAccepted,
  appendRequest,
  ELECTION_TIMEOUT_MS,
  hardState,
  N1,
  N2,
  N3,
  PEER_DOWN_DELAY_MS,
  preVoteResponse,
  THREE_NODES,
} from './test-support/raft-builders.js';
import { VirtualCluster } from './test-support/virtual-cluster.js';

const SEEDS = 200;

function follower(): LoneNode {
  const node = new LoneNode({ hardState: hardState(1) });
  node.receive(N2, appendRequest({ term: 1 }));
  node.takeSent();
  node.outcomes.length = 0;
  return node;
}

describe('closed connection to the leader, ARCHITECTURE §4.8', () => {
  it('makes a follower forget it and ask for pre-votes within the delay', () => {
    const node = follower();
    node.step({ type: 'peerDown', peer: N2 });
    expect(node.outcomes).toEqual([{ type: 'roleChanged', role: 'follower', term: 1, leaderId: null }]);
    expect(node.nextDeadlineMs).toBeLessThanOrEqual(node.nowMs + PEER_DOWN_DELAY_MS);
    node.timeout();
    expect(node.status).toMatchObject({ role: 'preCandidate', currentTerm: 1 });
  });

  it('changes nothing when it was another peer', () => {
    const node = follower();
    const deadlineMs = node.nextDeadlineMs;
    expect(node.step({ type: 'peerDown', peer: N3 })).toEqual([]);
    expect(node.nextDeadlineMs).toBe(deadlineMs);
  });

  it('is forgotten when the leader is heard again', () => {
    const node = follower();
    node.step({ type: 'peerDown', peer: N2 });
    node.timeout();
    node.receive(N3, preVoteResponse(1, 2, false));
    node.receive(N2, appendRequest({ term: 1 }));
    expect(node.status).toMatchObject({ role: 'follower', currentTerm: 1, leaderId: N2 });
    expect(node.nextDeadlineMs).toBeGreaterThanOrEqual(node.nowMs + ELECTION_TIMEOUT_MS);
  });

  it('makes it ask again soon when it is refused, more and more rarely, and finally at the usual pace', () => {
    const node = follower();
    node.step({ type: 'peerDown', peer: N2 });
    const pausesMs: number[] = [];
    for (let attempt = 0; attempt < 6; attempt += 1) {
      node.timeout();
      pausesMs.push(node.nextDeadlineMs - node.nowMs);
    }
    for (const [attempt, pauseMs] of pausesMs.slice(0, 4).entries()) {
      expect(pauseMs).toBeGreaterThanOrEqual(PEER_DOWN_DELAY_MS * 2 ** attempt);
      expect(pauseMs).toBeLessThanOrEqual(2 * PEER_DOWN_DELAY_MS * 2 ** attempt);
    }
    for (const pauseMs of pausesMs.slice(4)) expect(pauseMs).toBeGreaterThanOrEqual(ELECTION_TIMEOUT_MS);
  });

  it('lets a crashed leader be replaced within tens of milliseconds', () => {
    const gapsMs: number[] = [];
    for (let seed = 1; seed <= SEEDS; seed += 1) {
      const cluster = new VirtualCluster({ nodes: THREE_NODES, seed });
      const old = cluster.awaitLeader(4 * ELECTION_TIMEOUT_MS);
      cluster.runFor(100);
      const crashedAtMs = cluster.events.nowMs;
      cluster.crash(old.id, 2);
      cluster.awaitLeader(4 * ELECTION_TIMEOUT_MS);
      gapsMs.push(cluster.events.nowMs - crashedAtMs);
    }
    gapsMs.sort((left, right) => left - right);
    expect(gapsMs[Math.floor(SEEDS * 0.5)]).toBeLessThan(20);
    expect(gapsMs[Math.floor(SEEDS * 0.9)]).toBeLessThan(30);
    expect(gapsMs.at(-1)).toBeLessThan(ELECTION_TIMEOUT_MS / 2);
  });

  it('does not cost a living leader its office when only one follower believes it', () => {
    const cluster = new VirtualCluster({ nodes: THREE_NODES, seed: 3 });
    const leader = cluster.awaitLeader(4 * ELECTION_TIMEOUT_MS);
    const { currentTerm } = leader.status ?? {};
    for (const node of cluster.all()) {
      if (node === leader) continue;
      node.step({ type: 'peerDown', peer: leader.id });
      cluster.runFor(2 * ELECTION_TIMEOUT_MS);
      expect(node.status).toMatchObject({ role: 'follower', leaderId: leader.id });
    }
    expect(leader.status).toMatchObject({ role: 'leader', currentTerm });
  });
});

describe('a connection that opens while nobody is known to lead', () => {
  it('makes a node that has just started ask for pre-votes within the delay', () => {
    const node = new LoneNode();
    expect(node.nextDeadlineMs).toBeGreaterThanOrEqual(ELECTION_TIMEOUT_MS);
    node.step({ type: 'peerUp', peer: N2 });
    expect(node.nextDeadlineMs).toBeLessThanOrEqual(node.nowMs + PEER_DOWN_DELAY_MS);
    node.timeout();
    expect(node.status).toMatchObject({ role: 'preCandidate', currentTerm: 0 });
  });

  it('leaves alone who follows a leader, and who waits for votes', () => {
    const following = follower();
    const dueMs = following.nextDeadlineMs;
    expect(following.step({ type: 'peerUp', peer: N3 })).toEqual([]);
    expect(following.nextDeadlineMs).toBe(dueMs);

    const candidate = new LoneNode();
    candidate.timeout();
    candidate.receive(N2, preVoteResponse(0, 1, true));
    expect(candidate.status.role).toBe('candidate');
    const candidateDueMs = candidate.nextDeadlineMs;
    expect(candidate.step({ type: 'peerUp', peer: N3 })).toEqual([]);
    expect(candidate.nextDeadlineMs).toBe(candidateDueMs);
  });

  it('gives a cluster that was stopped as a whole a leader within tens of milliseconds', () => {
    const gapsMs: number[] = [];
    for (let seed = 1; seed <= SEEDS; seed += 1) {
      const cluster = new VirtualCluster({ nodes: THREE_NODES, seed });
      cluster.awaitLeader(4 * ELECTION_TIMEOUT_MS);
      for (const id of THREE_NODES) cluster.crash(id, null);
      for (const id of THREE_NODES) cluster.restart(id);
      const startedAtMs = cluster.events.nowMs;
      cluster.awaitLeader(4 * ELECTION_TIMEOUT_MS);
      gapsMs.push(cluster.events.nowMs - startedAtMs);
    }
    gapsMs.sort((left, right) => left - right);
    expect(gapsMs[Math.floor(SEEDS * 0.5)]).toBeLessThan(20);
    expect(gapsMs[Math.floor(SEEDS * 0.9)]).toBeLessThan(80);
    expect(gapsMs.at(-1)).toBeLessThan(ELECTION_TIMEOUT_MS / 2);
  });

  it('does not cost a leader its office when a node comes back that does not know it', () => {
    const cluster = new VirtualCluster({ nodes: THREE_NODES, seed: 5 });
    const leader = cluster.awaitLeader(4 * ELECTION_TIMEOUT_MS);
    const { currentTerm } = leader.status ?? {};
    const others = THREE_NODES.filter((id) => id !== leader.id);
    for (const id of others) {
      cluster.crash(id, 1);
      cluster.runFor(ELECTION_TIMEOUT_MS);
      cluster.cut(leader.id, id);
      cluster.restart(id);
      for (const peer of THREE_NODES) if (peer !== id) cluster.node(id).step({ type: 'peerUp', peer });
      cluster.runFor(2 * ELECTION_TIMEOUT_MS);
      expect(cluster.node(id).status).toMatchObject({ leaderId: null, currentTerm });
      cluster.heal();
      cluster.runFor(ELECTION_TIMEOUT_MS);
      expect(cluster.node(id).status).toMatchObject({ role: 'follower', leaderId: leader.id, currentTerm });
    }
    expect(leader.status).toMatchObject({ role: 'leader', currentTerm });
  });
});

describe('connections of a leader', () => {
  it('make it ask a peer that is back where to go on, without waiting for a heartbeat and without resending', () => {
    const node = new LoneNode();
    node.becomeLeader();
    node.receive(N2, appendAccepted(1, 1));
    node.propose(new Uint8Array(1));
    node.step({ type: 'peerDown', peer: N2 });
    node.propose(new Uint8Array(1));
    node.takeSent();
    node.step({ type: 'peerUp', peer: N2 });
    expect(node.takeSentTo(N2)).toMatchObject([{ type: 'appendRequest', prevLogIndex: 2, entries: [] }]);
    expect(node.status.progress[0]).toMatchObject({ peer: N2, state: 'probe', inFlightAppends: 0 });
  });

  it('mean nothing when they are of a stranger, or of the node itself', () => {
    const node = new LoneNode({ voters: [N1, N2] });
    node.becomeLeader();
    expect(node.step({ type: 'peerDown', peer: N3 })).toEqual([]);
    expect(node.step({ type: 'peerUp', peer: N3 })).toEqual([]);
    expect(node.step({ type: 'peerDown', peer: N1 })).toEqual([]);
    expect(node.status.role).toBe('leader');
  });
});
