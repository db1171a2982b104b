import { describe, expect, it } from 'vitest';
import { ELECTION_TIMEOUT_MS, FIVE_NODES, N1, THREE_NODES } from './test-support/raft-builders.js';
import { VirtualCluster } from './test-support/virtual-cluster.js';

const SEEDS = 300;

describe('elections in a whole cluster', () => {
  it('give a leader soon, also when all nodes were given the same seed', () => {
    const durationsMs: number[] = [];
    for (let seed = 1; seed <= SEEDS; seed += 1) {
      const cluster = new VirtualCluster({ nodes: THREE_NODES.slice(0, 2 + (seed % 2)), seed });
      cluster.awaitLeader(10 * ELECTION_TIMEOUT_MS);
      durationsMs.push(cluster.events.nowMs);
    }
    durationsMs.sort((left, right) => left - right);
    expect(durationsMs[Math.floor(SEEDS * 0.5)]).toBeLessThan(2 * ELECTION_TIMEOUT_MS);
    expect(durationsMs[Math.floor(SEEDS * 0.99)]).toBeLessThan(4 * ELECTION_TIMEOUT_MS);
  });

  it('leave a cluster in peace that has a leader', () => {
    const cluster = new VirtualCluster({ nodes: FIVE_NODES, seed: 5 });
    const leader = cluster.awaitLeader(4 * ELECTION_TIMEOUT_MS);
    const { currentTerm } = leader.status ?? {};
    cluster.runFor(20 * ELECTION_TIMEOUT_MS);
    expect(cluster.all().map((node) => node.status?.currentTerm)).toEqual(FIVE_NODES.map(() => currentTerm));
  });

  it('are not disturbed by a node that comes back from isolation', () => {
    const cluster = new VirtualCluster({ nodes: THREE_NODES, seed: 6 });
    const leader = cluster.awaitLeader(4 * ELECTION_TIMEOUT_MS);
    const { currentTerm } = leader.status ?? {};
    const isolated = cluster.all().find((node) => node !== leader);
    cluster.partition([isolated?.id ?? N1]);
    cluster.runFor(20 * ELECTION_TIMEOUT_MS);
    cluster.heal();
    cluster.runFor(4 * ELECTION_TIMEOUT_MS);
    expect(leader.status).toMatchObject({ role: 'leader', currentTerm });
    expect(isolated?.status).toMatchObject({ role: 'follower', currentTerm, leaderId: leader.id });
  });
});
