import { describe, expect, it } from 'vitest';
import type { NodeId } from './ids.js';
import { seededRandom, type RandomSource } from './random-source.js';
import { ELECTION_TIMEOUT_MS, FIVE_NODES, THREE_NODES } from './test-support/raft-builders.js';
import { ensure } from './test-support/raft-oracle.js';
import { GOOD_NETWORK, GOOD_TRANSFERS, VirtualCluster } from './test-support/virtual-cluster.js';
import type { VirtualNode } from './test-support/virtual-node.js';

const SEEDS_PER_SIZE = 100;
const STEPS = 300;
/** Entries and reads that an average seed gets done at least; fewer would show nothing. */
const WORK_PER_SEED = 50;
const SNAPSHOTS_PER_SEED = 0.5;
const CHECKPOINT_EVERY = { from: 3, to: 20 };
const MAX_TRAILING_ENTRIES = 10;
/** In the range of the delays of network and disk, so that elections run into each other. */
const HASTY_ELECTION_TIMEOUT_MS = 30;
const CONVERGENCE_LIMIT_MS = 20 * ELECTION_TIMEOUT_MS;

describe('Raft under torture', () => {
  it.each([
    ['three', THREE_NODES],
    ['five', FIVE_NODES],
  ])(
    'keeps every promise of Figure 3 on %s nodes that crash and compact on a network that drops, repeats and reorders',
    (_, nodes) => {
      let committed = 0;
      let reads = 0;
      let installedSnapshots = 0;
      for (let seed = 1; seed <= SEEDS_PER_SIZE; seed += 1) {
        try {
          const cluster = torture(nodes, seed);
          committed += cluster.oracle.committedCount;
          reads += cluster.all().reduce((sum, node) => sum + node.completedReads, 0);
          installedSnapshots += cluster.all().reduce((sum, node) => sum + node.installedSnapshots, 0);
        } catch (error) {
          throw new Error(`seed ${seed} on ${nodes.length} nodes`, { cause: error });
        }
      }
      expect(committed).toBeGreaterThan(SEEDS_PER_SIZE * WORK_PER_SEED);
      expect(reads).toBeGreaterThan(SEEDS_PER_SIZE * WORK_PER_SEED);
      expect(installedSnapshots).toBeGreaterThan(SEEDS_PER_SIZE * SNAPSHOTS_PER_SEED);
    },
  );

  it('gives the same run for the same seed', () => {
    const [first, second] = [torture(FIVE_NODES, 7), torture(FIVE_NODES, 7)];
    expect(first.node(nodeOf(FIVE_NODES, 0)).disk.log).toEqual(second.node(nodeOf(FIVE_NODES, 0)).disk.log);
    expect(first.events.nowMs).toBe(second.events.nowMs);
  });
});

type Swarm = {
  readonly crash: number;
  readonly cut: number;
  /** Closed connections are noticed, and sometimes believed closed when they are not. */
  readonly hints: boolean;
  /** Disks that hang for a while. */
  readonly stall: number;
  readonly stepMs: number;
};

/** Faults of random kind and strength, then none: at the end all nodes must agree and serve. */
function torture(ids: readonly NodeId[], seed: number): VirtualCluster {
  const isHasty = seed % 2 === 0;
  const electionTimeoutMs = isHasty ? HASTY_ELECTION_TIMEOUT_MS : ELECTION_TIMEOUT_MS;
  const settings = seededRandom(seed, 'settings');
  const cluster = new VirtualCluster({
    nodes: ids,
    seed,
    checkpointEvery: drawInteger(settings, CHECKPOINT_EVERY),
    config: {
      electionTimeoutMs,
      trailingEntries: drawInteger(settings, { from: 0, to: MAX_TRAILING_ENTRIES }),
      diskStallTimeoutMs: 2 * electionTimeoutMs,
      heartbeatIntervalMs: electionTimeoutMs / 6,
      maxInFlightAppends: 1 + (seed % 4),
      maxInFlightBytes: 400,
      maxAppendBytes: 200,
      maxUncommittedBytes: 4_000,
    },
  });
  const { random } = cluster;
  const isOn = (): boolean => random() < 0.6;
  cluster.network = {
    dropChance: isOn() ? random() * 0.3 : 0,
    repeatChance: isOn() ? random() * 0.5 : 0,
    delayMs: { from: 0.2, to: isOn() ? electionTimeoutMs * random() : 2 },
  };
  if (isOn()) {
    const durationMs = { from: 0.2, to: 2 * electionTimeoutMs * random() };
    cluster.transfers = { loseChance: random() * 0.5, durationMs, giveUpMs: 4 * electionTimeoutMs };
  }
  if (isOn()) cluster.writeMs = { from: 0.5, to: electionTimeoutMs * random() };
  const swarm: Swarm = {
    crash: isOn() ? 0.2 * random() : 0,
    cut: isOn() ? 0.2 * random() : 0,
    hints: isOn(),
    stall: isOn() ? 0.03 * random() : 0,
    stepMs: isOn() ? 4 : electionTimeoutMs / 2,
  };
  for (let step = 0; step < STEPS; step += 1) {
    disturb(cluster, swarm);
    for (const node of cluster.all()) {
      if (random() < 0.3) node.read();
      if (random() < 0.5) cluster.propose(node, 1 + Math.floor(random() * 3));
    }
    cluster.runFor(random() * swarm.stepMs);
  }
  converge(cluster);
  return cluster;
}

function disturb(cluster: VirtualCluster, swarm: Swarm): void {
  const { random } = cluster;
  const anyone = (): VirtualNode => nodeOf(cluster.all(), random());
  // Leaders are where the interesting moments are.
  const victim = (random() < 0.5 ? cluster.leader() : null) ?? anyone();
  if (victim.isUp && random() < swarm.crash) cluster.crash(victim.id, swarm.hints ? 2 : null);
  if (random() < swarm.stall) victim.stallDisk();
  if (random() < 0.2) anyone().resumeDisk();
  const sleeper = anyone();
  if (!sleeper.isUp && random() < 0.3) cluster.restart(sleeper.id);
  if (random() < swarm.cut) {
    if (random() < 0.3) cluster.cut(anyone().id, anyone().id);
    else
      cutOff(
        cluster,
        cluster.all().filter((node) => node === victim || random() < 0.2),
        swarm.hints,
      );
  } else if (random() < swarm.cut / 2) {
    cluster.heal();
  }
  if (swarm.hints && random() < 0.1) anyone().step({ type: 'peerDown', peer: anyone().id });
}

function cutOff(cluster: VirtualCluster, side: readonly VirtualNode[], isNoticed: boolean): void {
  cluster.partition(side.map((node) => node.id));
  if (!isNoticed) return;
  const others = cluster.all().filter((node) => !side.includes(node));
  for (const inside of side) {
    for (const outside of others) {
      inside.step({ type: 'peerDown', peer: outside.id });
      outside.step({ type: 'peerDown', peer: inside.id });
    }
  }
}

function converge(cluster: VirtualCluster): void {
  cluster.heal();
  cluster.network = GOOD_NETWORK;
  cluster.transfers = GOOD_TRANSFERS;
  cluster.writeMs = { from: 0.5, to: 1 };
  for (const node of cluster.all()) {
    node.resumeDisk();
    if (!node.isUp) cluster.restart(node.id);
  }
  // What is still on its way from before.
  cluster.runFor(ELECTION_TIMEOUT_MS);
  const leader = cluster.awaitLeader(CONVERGENCE_LIMIT_MS);
  const before = cluster.oracle.committedCount;
  const readsBefore = cluster.all().map((node) => node.completedReads);
  cluster.propose(leader);
  for (const node of cluster.all()) node.read();
  const isConverged = (): boolean =>
    cluster.oracle.committedCount > before &&
    cluster.all().every((node, position) => {
      const { status } = node;
      const hasAll =
        status?.commitIndex === cluster.oracle.committedCount && status.lastLogIndex === status.commitIndex;
      return hasAll && node.completedReads > (readsBefore[position] ?? 0);
    });
  cluster.runUntil(isConverged, CONVERGENCE_LIMIT_MS, 'all nodes have the same log and answer reads');
  ensure(
    cluster.all().every((node) => node.status?.leaderId === leader.id),
    'all follow the one leader',
  );
}

function drawInteger(random: RandomSource, { from, to }: { readonly from: number; readonly to: number }): number {
  return from + Math.floor(random() * (to - from + 1));
}

/** @param at a share of the list in [0, 1) */
function nodeOf<Item extends VirtualNode | NodeId>(items: readonly Item[], at: number): Item {
  const item = items[Math.floor(at * items.length)];
  ensure(item !== undefined, 'the list has a member there');
  return item;
}
