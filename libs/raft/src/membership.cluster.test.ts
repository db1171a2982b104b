import { describe, expect, it } from 'vitest';
import { nodeId, type NodeId } from './ids.js';
import type { MembershipChange } from './membership.js';
import { isJoint, isMember } from './quorum.js';
import { ELECTION_TIMEOUT_MS, FIVE_NODES, HEARTBEAT_INTERVAL_MS, N4 } from './test-support/raft-builders.js';
import { ensure } from './test-support/raft-oracle.js';
import { GOOD_NETWORK, VirtualCluster } from './test-support/virtual-cluster.js';
import type { VirtualNode } from './test-support/virtual-node.js';

const SEVEN_NODES = Array.from({ length: 7 }, (_, number) => nodeId(`n${number + 1}`));
const SEEDS = Array.from({ length: 24 }, (_, number) => number + 1);
const STEP_MS = 4;
/** For one change of the number of voters, with crashes and elections on the way. */
const RESIZE_LIMIT_MS = 200 * ELECTION_TIMEOUT_MS;
/** Fewer would not be a load. */
const COMMITS_PER_STORY = 100;
const TERMS_PER_STORY = 4;
const CHANCES = { drop: 0.05, crash: 0.03, restart: 0.05, change: 0.3, read: 0.1 };
const CHECKPOINT_EVERY = 10;
const STEPS_AT_EACH_SIZE = 30;

const allNodes = (cluster: VirtualCluster): string[] => cluster.all().map(({ id }) => id);
const votersOf = (node: VirtualNode): readonly NodeId[] => node.status?.membership.voters ?? [];

function awaitLeader(cluster: VirtualCluster): VirtualNode {
  return cluster.awaitLeader(20 * ELECTION_TIMEOUT_MS);
}

/** Repeats the change at whoever leads until it is done. */
function bringAbout(cluster: VirtualCluster, change: MembershipChange, isDone: (leader: VirtualNode) => boolean): void {
  const untilMs = cluster.events.nowMs + RESIZE_LIMIT_MS;
  for (;;) {
    const leader = cluster.leader();
    if (leader !== null && isSettled(leader) && isDone(leader)) return;
    ensure(cluster.events.nowMs < untilMs, `not within ${RESIZE_LIMIT_MS} ms: ${JSON.stringify(change)}`);
    if (leader !== null) cluster.changeMembership(leader, change);
    cluster.runFor(STEP_MS);
  }
}

/** As the node sees it: the latest membership is not joint, and it is committed. */
function isSettled({ status, outcomes }: VirtualNode): boolean {
  if (status === null || isJoint(status.membership)) return false;
  const committed = outcomes.findLast((outcome) => outcome.type === 'membershipCommitted')?.membership;
  return committed === undefined || JSON.stringify(committed) === JSON.stringify(status.membership);
}

describe('a cluster that grows from one voter to seven and shrinks to one again', () => {
  it('keeps every promise of Figure 3 under load while nodes crash and messages are lost, the leader removed too', () => {
    let terms = 0;
    for (const seed of SEEDS) {
      try {
        const cluster = growAndShrink(seed);
        expect(cluster.oracle.committedCount).toBeGreaterThan(COMMITS_PER_STORY);
        terms += cluster.leader()?.status?.currentTerm ?? 0;
      } catch (error) {
        throw new Error(`seed ${seed}`, { cause: error });
      }
    }
    expect(terms).toBeGreaterThan(SEEDS.length * TERMS_PER_STORY);
  });
});

function growAndShrink(seed: number): VirtualCluster {
  const cluster = new VirtualCluster({
    nodes: SEVEN_NODES,
    initialVoters: SEVEN_NODES.slice(0, 1),
    seed,
    // Newcomers of every second story begin with a snapshot.
    ...(seed % 2 === 0 && { checkpointEvery: CHECKPOINT_EVERY }),
  });
  cluster.network = { ...GOOD_NETWORK, dropChance: CHANCES.drop, repeatChance: CHANCES.drop };
  for (const size of [3, 5, 7, 5, 3, 1]) {
    resize(cluster, size);
    for (let count = 0; count < STEPS_AT_EACH_SIZE; count += 1) work(cluster);
  }
  cluster.network = GOOD_NETWORK;
  for (const node of cluster.all()) if (!node.isUp && node.removals === 0) cluster.restart(node.id);
  const isOver = (): boolean => cluster.all().filter((node) => node.removals === 1).length === SEVEN_NODES.length - 1;
  cluster.runUntil(isOver, RESIZE_LIMIT_MS, 'all who were removed know it');
  const last = awaitLeader(cluster);
  expect(votersOf(last)).toEqual([last.id]);
  return cluster;
}

function resize(cluster: VirtualCluster, size: number): void {
  const untilMs = cluster.events.nowMs + RESIZE_LIMIT_MS;
  for (;;) {
    const leader = cluster.leader();
    if (leader !== null && isSettled(leader) && votersOf(leader).length === size) return;
    ensure(cluster.events.nowMs < untilMs, `not within ${RESIZE_LIMIT_MS} ms: ${size} voters`);
    if (leader !== null && cluster.random() < CHANCES.change) stepTowards(cluster, leader, size);
    work(cluster);
  }
}

/** Load and faults for a moment. */
function work(cluster: VirtualCluster): void {
  const leader = cluster.leader();
  if (leader !== null) cluster.propose(leader);
  for (const node of cluster.all()) if (cluster.random() < CHANCES.read) node.read();
  disturb(cluster);
  cluster.runFor(STEP_MS);
}

/** What a person would ask for next; most of it is refused, because the last change is not through. */
function stepTowards(cluster: VirtualCluster, leader: VirtualNode, size: number): void {
  const { membership } = leader.status ?? {};
  if (membership === undefined) return;
  const { voters, learners } = membership;
  if (voters.length > size) {
    // Often the leader, and sometimes several at once.
    const victim = cluster.random() < 0.3 ? leader.id : pick(voters, cluster.random());
    const rest = voters.slice(0, size);
    if (cluster.random() < 0.2) cluster.changeMembership(leader, { type: 'setVoters', voters: rest });
    else cluster.changeMembership(leader, { type: 'remove', node: victim });
    return;
  }
  const learner = learners[0];
  const newcomer = SEVEN_NODES.find((node) => !isMember(membership, node));
  if (voters.length + learners.length < size && newcomer !== undefined) {
    cluster.changeMembership(leader, { type: 'addLearner', node: newcomer, address: null });
  } else if (learner !== undefined) {
    const all = [...voters, ...learners];
    if (cluster.random() < 0.5) cluster.changeMembership(leader, { type: 'setVoters', voters: all });
    else cluster.changeMembership(leader, { type: 'promote', node: learner });
  }
}

/** One at a time is down, so that one of three or more can always be missing. */
function disturb(cluster: VirtualCluster): void {
  const { random } = cluster;
  const down = cluster.all().find((node) => !node.isUp && node.removals === 0);
  if (down !== undefined) {
    if (random() < CHANCES.restart) cluster.restart(down.id);
    return;
  }
  const victim = (random() < 0.5 ? cluster.leader() : null) ?? pick(cluster.all(), random());
  if (victim.isUp && random() < CHANCES.crash) cluster.crash(victim.id, random() < 0.5 ? 2 : null);
}

describe('removal of the leader under load', () => {
  it('costs no election timeout: the best of the others leads at once, in the very next term', () => {
    for (const seed of SEEDS) {
      const cluster = new VirtualCluster({ nodes: FIVE_NODES, seed });
      const leader = awaitLeader(cluster);
      const { currentTerm } = leader.status ?? {};
      cluster.changeMembership(leader, { type: 'remove', node: leader.id });
      for (let count = 0; leader.isUp; count += 1) {
        ensure(count < ELECTION_TIMEOUT_MS, 'the removed leader stops');
        cluster.propose(leader);
        cluster.runFor(1);
      }
      const stoppedAtMs = cluster.events.nowMs;
      const next = awaitLeader(cluster);
      expect(cluster.events.nowMs - stoppedAtMs, `seed ${seed}`).toBeLessThan(HEARTBEAT_INTERVAL_MS);
      expect(next.status).toMatchObject({ currentTerm: (currentTerm ?? 0) + 1 });
      expect(votersOf(next)).toHaveLength(FIVE_NODES.length - 1);
      expect(leader.removals).toBe(1);
    }
  });
});

describe('a removed node that did not hear of it', () => {
  it.each(['voter', 'learner'])('is told when it comes back, and disturbs nobody: the term stays (%s)', (kind) => {
    const cluster = new VirtualCluster({ nodes: FIVE_NODES, seed: 11 });
    const leader = awaitLeader(cluster);
    const away = cluster.all().find((node) => node !== leader);
    ensure(away !== undefined, 'somebody follows');
    if (kind === 'learner') {
      const demote: MembershipChange = { type: 'demote', node: away.id };
      bringAbout(cluster, demote, (node) => node.status?.membership.learners.includes(away.id) ?? false);
      cluster.runFor(ELECTION_TIMEOUT_MS);
    }
    const { currentTerm } = leader.status ?? {};
    cluster.partition([away.id]);
    const remove: MembershipChange = { type: 'remove', node: away.id };
    bringAbout(cluster, remove, (node) => !isMember(node.status?.membership ?? NOBODY, away.id));
    cluster.runFor(20 * ELECTION_TIMEOUT_MS);
    expect(away.removals).toBe(0);
    cluster.heal();
    cluster.runFor(4 * ELECTION_TIMEOUT_MS);
    expect(away.removals).toBe(1);
    expect(leader.status).toMatchObject({ role: 'leader', currentTerm });
    expect(cluster.all().map(({ status }) => status?.currentTerm ?? currentTerm)).toEqual(
      allNodes(cluster).map(() => currentTerm),
    );
  });

  it('is told too when it restarts with the entry that removed it in its log', () => {
    const cluster = new VirtualCluster({ nodes: FIVE_NODES, seed: 12 });
    const leader = awaitLeader(cluster);
    const away = cluster.all().find((node) => node !== leader);
    ensure(away !== undefined, 'somebody follows');
    // It gets the last entry of the change and crashes before it is told that this is committed.
    cluster.onMessage = (_, to, message) => {
      const isFarewell = message.type === 'removedNotice';
      if (to === away.id && isFarewell && away.isUp && away.removals === 0) cluster.crash(away.id, null);
    };
    const remove: MembershipChange = { type: 'remove', node: away.id };
    bringAbout(cluster, remove, (node) => !isMember(node.status?.membership ?? NOBODY, away.id));
    cluster.runFor(ELECTION_TIMEOUT_MS);
    expect([away.isUp, away.removals]).toEqual([false, 0]);
    cluster.onMessage = () => {};
    cluster.restart(away.id);
    expect(isMember(away.status?.membership ?? NOBODY, away.id)).toBe(false);
    cluster.runUntil(() => away.removals === 1, 4 * ELECTION_TIMEOUT_MS, 'the node that is back is told');
    expect(leader.status?.role).toBe('leader');
  });
});

const NOBODY = { voters: [], votersOutgoing: [], learners: [] };

describe('a change whose leader is cut off', () => {
  it('is rolled back everywhere, and the node that was to be added can be added by the next leader', () => {
    const nodes = FIVE_NODES.slice(0, 4);
    const cluster = new VirtualCluster({ nodes, initialVoters: nodes.slice(0, 3), seed: 21 });
    const cutOff = awaitLeader(cluster);
    cluster.partition([cutOff.id, N4]);
    cluster.changeMembership(cutOff, { type: 'addLearner', node: N4, address: 'four:1' });
    cluster.runFor(HEARTBEAT_INTERVAL_MS);
    expect(cluster.node(N4).status?.membership.learners).toEqual([N4]);
    cluster.runFor(10 * ELECTION_TIMEOUT_MS);
    cluster.heal();
    const leader = awaitLeader(cluster);
    expect(leader.id).not.toBe(cutOff.id);
    cluster.propose(leader);
    cluster.runUntil(
      () => cutOff.status?.membership.learners.length === 0,
      4 * ELECTION_TIMEOUT_MS,
      'the old leader gives the change up',
    );
    cluster.runFor(4 * ELECTION_TIMEOUT_MS);
    expect(cluster.node(N4).removals).toBe(0);
    const add: MembershipChange = { type: 'addLearner', node: N4, address: 'four:2' };
    bringAbout(cluster, add, (node) => node.status?.membership.learners.includes(N4) ?? false);
    bringAbout(cluster, { type: 'promote', node: N4 }, (node) => votersOf(node).includes(N4));
    cluster.runFor(ELECTION_TIMEOUT_MS);
    expect(cluster.node(N4).status?.membership).toEqual(leader.status?.membership);
    expect(leader.status?.membership.addresses).toEqual({ [N4]: 'four:2' });
  });

  it.each(['remove', 'demote'] as const)(
    'is finished also when only the one that loses its vote has the last entry of it (%s)',
    (type) => {
      for (const seed of SEEDS) {
        const cluster = new VirtualCluster({ nodes: FIVE_NODES.slice(0, 4), seed });
        const first = awaitLeader(cluster);
        const leaving = cluster.all().find((node) => node !== first);
        ensure(leaving !== undefined, 'somebody follows');
        const others = cluster.all().filter((node) => node !== first && node !== leaving);
        cluster.changeMembership(first, { type, node: leaving.id });
        const isLast = (node: VirtualNode): boolean =>
          node.status?.membership.votersOutgoing.length === 0 && votersOf(node).length === 3;
        cluster.runUntil(() => isLast(first), ELECTION_TIMEOUT_MS, 'the leader appends the last entry');
        for (const other of others) cluster.cut(first.id, other.id);
        cluster.runUntil(() => isLast(leaving), ELECTION_TIMEOUT_MS, 'the leaving node gets it');
        cluster.crash(first.id, null);
        expect(others.map(isLast)).toEqual([false, false]);
        cluster.runUntil(
          () => others.every(isSettled),
          20 * ELECTION_TIMEOUT_MS,
          `seed ${seed}: the change is through`,
        );
        cluster.runFor(4 * ELECTION_TIMEOUT_MS);
        expect(others).toContain(awaitLeader(cluster));
        expect(leaving.removals).toBe(type === 'remove' ? 1 : 0);
      }
    },
  );

  it('is finished by the next one when its joint entry is committed', () => {
    for (const seed of SEEDS) {
      const cluster = new VirtualCluster({ nodes: FIVE_NODES, seed });
      const first = awaitLeader(cluster);
      const staying = FIVE_NODES.filter((node) => node !== first.id).slice(0, 3);
      cluster.changeMembership(first, { type: 'setVoters', voters: staying });
      const hasJoint = (node: VirtualNode): boolean => (node.status?.membership.votersOutgoing.length ?? 0) > 0;
      cluster.runUntil(
        () => cluster.all().filter(hasJoint).length >= 4,
        ELECTION_TIMEOUT_MS,
        'the change is on its way',
      );
      cluster.crash(first.id, 2);
      const isDone = (): boolean => {
        const leader = cluster.leader();
        return leader !== null && leader !== first && isSettled(leader) && votersOf(leader).length === staying.length;
      };
      cluster.runUntil(isDone, 20 * ELECTION_TIMEOUT_MS, `seed ${seed}: the change is through`);
      expect(votersOf(awaitLeader(cluster)).toSorted()).toEqual(staying.toSorted());
    }
  });
});

/** @param at a share of the list in [0, 1) */
function pick<Item extends VirtualNode | NodeId>(items: readonly Item[], at: number): Item {
  const item = items[Math.floor(at * items.length)];
  ensure(item !== undefined, 'the list has a member there');
  return item;
}
