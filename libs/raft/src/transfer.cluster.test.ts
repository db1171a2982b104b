import { describe, expect, it } from 'vitest';
import type { NodeId } from './ids.js';
import { ELECTION_TIMEOUT_MS, FIVE_NODES, HEARTBEAT_INTERVAL_MS, THREE_NODES } from './test-support/raft-builders.js';
import { ensure } from './test-support/raft-oracle.js';
import { GOOD_NETWORK, VirtualCluster } from './test-support/virtual-cluster.js';
import type { VirtualNode } from './test-support/virtual-node.js';

const SEEDS = Array.from({ length: 24 }, (_, number) => number + 1);
const ROUNDS = 2;
const STEP_MS = 1;
const CHECKPOINT_EVERY = 10;
const DROP_CHANCE = 0.1;
/** After every disturbance a new write succeeds within this time (FAILURE-MODES 12, 14). */
const SERVICE_LIMIT_MS = 10 * ELECTION_TIMEOUT_MS;

function awaitLeader(cluster: VirtualCluster): VirtualNode {
  return cluster.awaitLeader(SERVICE_LIMIT_MS);
}

function transfer(node: VirtualNode, to: NodeId | null): void {
  node.step({ type: 'transferLeadership', to });
}

/** Everybody reads and whoever leads is given work, until it is over. */
function workUntil(cluster: VirtualCluster, isOver: () => boolean, what: string): void {
  const untilMs = cluster.events.nowMs + SERVICE_LIMIT_MS;
  while (!isOver()) {
    ensure(cluster.events.nowMs < untilMs, `not within ${SERVICE_LIMIT_MS} ms: ${what}`);
    const leader = cluster.leader();
    if (leader !== null) cluster.propose(leader);
    for (const node of cluster.all()) node.read();
    cluster.runFor(STEP_MS);
  }
}

function awaitService(cluster: VirtualCluster, what: string): void {
  const before = cluster.oracle.committedCount;
  // More than what was on its way.
  workUntil(cluster, () => cluster.oracle.committedCount > before + 20, `writes after ${what}`);
}

const failures = (node: VirtualNode): number => node.outcomes.filter(({ type }) => type === 'transferFailed').length;

describe('leadership that goes round among all nodes under load', () => {
  it('takes less than a heartbeat each time and one term, and no read is ever stale', () => {
    for (const seed of SEEDS) {
      const cluster = new VirtualCluster({ nodes: FIVE_NODES, seed });
      let leader = awaitLeader(cluster);
      awaitService(cluster, 'the election');
      for (let turn = 0; turn < 2 * FIVE_NODES.length; turn += 1) {
        const target = cluster.node(FIVE_NODES[turn % FIVE_NODES.length] ?? leader.id);
        if (target === leader) continue;
        const { currentTerm } = leader.status ?? {};
        const startMs = cluster.events.nowMs;
        transfer(leader, target.id);
        workUntil(cluster, () => target.status?.role === 'leader', `${target.id} leads`);
        expect(cluster.events.nowMs - startMs, `seed ${seed}`).toBeLessThan(HEARTBEAT_INTERVAL_MS);
        expect(target.status?.currentTerm).toBe((currentTerm ?? 0) + 1);
        awaitService(cluster, `turn ${turn}`);
        leader = target;
      }
      expect(cluster.all().reduce((sum, node) => sum + failures(node), 0)).toBe(0);
      expect(cluster.all().every((node) => node.completedReads > 0)).toBe(true);
    }
  });

  it('either arrives or is given up when messages are lost, and service goes on every time (FAILURE-MODES 14)', () => {
    let arrived = 0;
    for (const seed of SEEDS) {
      const cluster = new VirtualCluster({ nodes: FIVE_NODES, seed });
      cluster.network = { ...GOOD_NETWORK, dropChance: DROP_CHANCE };
      for (let turn = 0; turn < ROUNDS; turn += 1) {
        const leader = awaitLeader(cluster);
        const { currentTerm } = leader.status ?? {};
        transfer(leader, null);
        const isOver = (): boolean =>
          failures(leader) > turn || leader.status?.role !== 'leader' || leader.status.transferTarget === null;
        workUntil(cluster, isOver, `seed ${seed}: the transfer ends`);
        awaitService(cluster, `seed ${seed}: the transfer`);
        if ((cluster.leader()?.status?.currentTerm ?? 0) > (currentTerm ?? 0)) arrived += 1;
      }
    }
    expect(arrived).toBeGreaterThan((SEEDS.length * ROUNDS) / 2);
  });
});

describe('a transfer to a node that has been away', () => {
  it('arrives after the snapshot and the entries that it needs first', () => {
    for (const seed of SEEDS) {
      const cluster = new VirtualCluster({ nodes: THREE_NODES, seed, checkpointEvery: CHECKPOINT_EVERY });
      const leader = awaitLeader(cluster);
      const away = cluster.all().find((node) => node !== leader);
      ensure(away !== undefined, 'somebody follows');
      cluster.crash(away.id, 1);
      while (leader.status?.snapshotIndex !== undefined && leader.status.snapshotIndex < 4 * CHECKPOINT_EVERY) {
        cluster.propose(leader);
        cluster.runFor(STEP_MS);
      }
      cluster.restart(away.id);
      transfer(leader, away.id);
      workUntil(cluster, () => away.status?.role === 'leader', `seed ${seed}: the node that was away leads`);
      expect(failures(leader)).toBe(0);
      expect(away.disk.checkpoint?.meta.index).toBeGreaterThan(CHECKPOINT_EVERY);
    }
  });
});

describe('a transfer that cannot succeed', () => {
  function begun(seed: number): { cluster: VirtualCluster; leader: VirtualNode; target: VirtualNode } {
    const cluster = new VirtualCluster({ nodes: THREE_NODES, seed });
    const leader = awaitLeader(cluster);
    awaitService(cluster, 'the election');
    const target = cluster.all().find((node) => node !== leader);
    ensure(target !== undefined, 'somebody follows');
    return { cluster, leader, target };
  }

  it('because the target is down is given up after an election timeout; the same leader serves in the same term', () => {
    const { cluster, leader, target } = begun(31);
    const { currentTerm } = leader.status ?? {};
    cluster.crash(target.id, null);
    transfer(leader, target.id);
    cluster.runFor(ELECTION_TIMEOUT_MS + STEP_MS);
    expect(leader.outcomes.at(-1)).toEqual({ type: 'transferFailed', reason: 'timedOut' });
    awaitService(cluster, 'the transfer that timed out');
    expect(leader.status).toMatchObject({ role: 'leader', currentTerm });
  });

  it('because the leader is cut off ends with its leadership; the others elect one of them', () => {
    const { cluster, leader, target } = begun(32);
    cluster.partition([leader.id]);
    transfer(leader, target.id);
    cluster.runFor(4 * ELECTION_TIMEOUT_MS);
    expect(leader.status).toMatchObject({ role: 'preCandidate', transferTarget: null });
    awaitService(cluster, 'the partition');
    cluster.heal();
    cluster.runFor(2 * ELECTION_TIMEOUT_MS);
    awaitService(cluster, 'the healing');
    expect(leader.status?.role).toBe('follower');
  });

  it('because the target restarts as it is told to campaign leaves no lasting harm', () => {
    for (const seed of SEEDS) {
      const { cluster, leader, target } = begun(seed);
      transfer(leader, target.id);
      cluster.runFor(cluster.random() * 3);
      cluster.crash(target.id, 1);
      cluster.runFor(cluster.random() * ELECTION_TIMEOUT_MS);
      cluster.restart(target.id);
      awaitService(cluster, `seed ${seed}: the restart`);
    }
  });
});

describe('a transfer and back again', () => {
  it('leads to where it began, two terms later', () => {
    const cluster = new VirtualCluster({ nodes: THREE_NODES, seed: 41 });
    const first = awaitLeader(cluster);
    const { currentTerm } = first.status ?? {};
    transfer(first, null);
    workUntil(cluster, () => cluster.leader() !== first, 'another leads');
    const second = awaitLeader(cluster);
    transfer(second, first.id);
    workUntil(cluster, () => cluster.leader() === first, 'the first one leads again');
    awaitService(cluster, 'both transfers');
    expect(first.status).toMatchObject({ role: 'leader', currentTerm: (currentTerm ?? 0) + 2, transferTarget: null });
  });
});
