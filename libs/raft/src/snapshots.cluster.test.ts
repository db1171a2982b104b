import { describe, expect, it } from 'vitest';
import type { NodeId } from './ids.js';
import type { MembershipChange } from './membership.js';
import {
  ELECTION_TIMEOUT_MS,
  FIVE_NODES,
  HEARTBEAT_INTERVAL_MS,
  N1,
  N4,
  N5,
  THREE_NODES,
} from './test-support/raft-builders.js';
import { VirtualCluster } from './test-support/virtual-cluster.js';

const CHECKPOINT_EVERY = 10;
const LIMIT_MS = 10 * ELECTION_TIMEOUT_MS;

describe('a follower that was away for longer than the log reaches back', () => {
  const AWAY_ENTRIES = 100;

  function clusterWithout(seed: number): { readonly cluster: VirtualCluster; readonly away: NodeId } {
    const config = { trailingEntries: 2, maxAppendBytes: 200 };
    const cluster = new VirtualCluster({ nodes: THREE_NODES, seed, config, checkpointEvery: CHECKPOINT_EVERY });
    const leader = cluster.awaitLeader(4 * ELECTION_TIMEOUT_MS);
    const away = THREE_NODES.find((id) => id !== leader.id) ?? N1;
    cluster.partition([away]);
    // Until the log waits for it no more.
    cluster.runFor(2 * ELECTION_TIMEOUT_MS);
    for (let batch = 0; batch < AWAY_ENTRIES / 10; batch += 1) {
      cluster.propose(leader, 10);
      cluster.runFor(10);
    }
    return { cluster, away };
  }

  it('catches up by a snapshot and the entries after it (MIT 6.5840 SnapshotInstall)', () => {
    const { cluster, away } = clusterWithout(1);
    cluster.heal();
    cluster.runFor(2 * HEARTBEAT_INTERVAL_MS);
    const node = cluster.node(away);
    expect(node.installedSnapshots).toBe(1);
    expect(node.status).toMatchObject({ commitIndex: cluster.oracle.committedCount });
    expect(node.disk.log.base.index).toBeGreaterThan(AWAY_ENTRIES - CHECKPOINT_EVERY);
  });

  it('keeps its state when it crashes right after (MIT 6.5840 SnapshotInstallCrash)', () => {
    const { cluster, away } = clusterWithout(2);
    cluster.heal();
    cluster.runFor(2 * HEARTBEAT_INTERVAL_MS);
    cluster.crash(away, 1);
    cluster.restart(away);
    expect(cluster.node(away).status?.commitIndex).toBeGreaterThan(AWAY_ENTRIES - CHECKPOINT_EVERY);
    cluster.runFor(4 * HEARTBEAT_INTERVAL_MS);
    expect(cluster.node(away).status?.commitIndex).toBe(cluster.oracle.committedCount);
  });

  it('never keeps the others waiting while its snapshot travels', () => {
    const { cluster } = clusterWithout(3);
    cluster.transfers = { loseChance: 0, durationMs: { from: 400, to: 400 }, giveUpMs: 1_000 };
    cluster.heal();
    cluster.runFor(2 * HEARTBEAT_INTERVAL_MS);
    const before = cluster.oracle.committedCount;
    const leader = cluster.leader();
    if (leader !== null) cluster.propose(leader, 5);
    cluster.runFor(10);
    expect(cluster.oracle.committedCount).toBe(before + 5);
  });

  it('needs no second snapshot although the log is compacted while the first one travels (FAILURE-MODES 20)', () => {
    const { cluster, away } = clusterWithout(4);
    cluster.transfers = { loseChance: 0, durationMs: { from: 300, to: 300 }, giveUpMs: 1_000 };
    cluster.heal();
    for (let batch = 0; batch < 60; batch += 1) {
      const leader = cluster.leader();
      if (leader !== null) cluster.propose(leader, 5);
      cluster.runFor(10);
    }
    cluster.runFor(2 * HEARTBEAT_INTERVAL_MS);
    expect(cluster.node(away).installedSnapshots).toBe(1);
    expect(cluster.node(away).status?.commitIndex).toBe(cluster.oracle.committedCount);
  });

  it('gets one in the end when most of them are lost', () => {
    const { cluster, away } = clusterWithout(5);
    cluster.transfers = { loseChance: 0.7, durationMs: { from: 5, to: 20 }, giveUpMs: 60 };
    cluster.heal();
    const isThere = (): boolean => cluster.node(away).status?.commitIndex === cluster.oracle.committedCount;
    cluster.runUntil(isThere, 10_000, 'the follower has caught up');
    expect(cluster.node(away).installedSnapshots).toBe(1);
  });
});

describe('a node that joins a cluster whose log is compacted', () => {
  it.each([
    ['after it was added', N4],
    ['after another one', N5],
  ])('gets its state and the membership by a snapshot, catches up %s and is given a vote', (_, joins) => {
    const cluster = new VirtualCluster({
      nodes: FIVE_NODES,
      initialVoters: THREE_NODES,
      seed: 6,
      config: { trailingEntries: 0 },
      checkpointEvery: CHECKPOINT_EVERY,
    });
    const change = (wanted: MembershipChange): void => {
      const leader = cluster.awaitLeader(LIMIT_MS);
      cluster.changeMembership(leader, wanted);
      cluster.runFor(4 * HEARTBEAT_INTERVAL_MS);
    };
    cluster.propose(cluster.awaitLeader(LIMIT_MS), 5 * CHECKPOINT_EVERY);
    cluster.runFor(HEARTBEAT_INTERVAL_MS);
    if (joins !== N4) change({ type: 'addLearner', node: N4, address: null });
    change({ type: 'addLearner', node: joins, address: null });
    const joined = cluster.node(joins);
    expect(joined.installedSnapshots).toBe(1);
    expect(joined.disk.checkpoint?.meta.index).toBeGreaterThan(CHECKPOINT_EVERY);
    expect(joined.status).toMatchObject({ commitIndex: cluster.oracle.committedCount });
    expect(joined.status?.membership.learners).toContain(joins);
    change({ type: 'promote', node: joins });
    expect(joined.status?.membership.voters).toContain(joins);
  });
});
