import { nodeId, type MembershipChange, type NodeId } from '@latchkey/raft';
import { MemoryDisk } from '@latchkey/storage-memory';
import { afterEach, describe, expect, it } from 'vitest';
import { chances } from './test-support/chances.js';
import { ELECTION_TIMEOUT_MS, TestCluster, TestNode } from './test-support/test-cluster.js';

const MANY = 100;
/** Many of them are more than `maxAppendBytes`. */
const LONG_BYTES = 4_096;
const N4 = nodeId('n4');
const N5 = nodeId('n5');
const CHECKPOINTS = { everyEntries: 20, trailingEntries: 5 };
const ADD_N4: MembershipChange = { type: 'addLearner', node: N4, address: null };

let cluster: TestCluster;
let joined: TestNode[] = [];

async function startCluster(): Promise<TestNode> {
  cluster = new TestCluster(3, CHECKPOINTS);
  await cluster.start();
  return cluster.agreedLeader();
}

/** A node that the cluster does not know, or not any more, on an empty disk. */
async function startJoiner(id: NodeId, configuredPeers: readonly NodeId[] | null = null): Promise<TestNode> {
  const node = new TestNode(id, cluster, new MemoryDisk(`store of ${id}`), configuredPeers);
  joined.push(node);
  await node.start();
  return node;
}

/** A new member, as a voter that leads. */
async function startLeader(present: TestNode, id: NodeId): Promise<TestNode> {
  const next = await startJoiner(id);
  await change(present, { type: 'addLearner', node: id, address: null });
  await cluster.clock.until(() => next.replica.status().appliedIndex === present.replica.status().commitIndex);
  // The leader has to hear of it.
  await cluster.clock.advance(ELECTION_TIMEOUT_MS);
  await change(present, { type: 'promote', node: id });
  await cluster.outcome(present.replica.transferLeadership(id));
  await cluster.clock.until(() => next.events.some((event) => event.startsWith('ready in term')));
  return next;
}

const change = (leader: TestNode, wanted: MembershipChange) => cluster.outcome(leader.replica.changeMembership(wanted));
const codeOf = (error: unknown): unknown => (error as { code?: unknown }).code;
const without = (nodes: readonly TestNode[], left: TestNode): TestNode[] => nodes.filter((node) => node !== left);

afterEach(async () => {
  const everybody = [...cluster.nodes, ...joined];
  joined = [];
  const stopping = everybody.map((node) => node.replica.stop());
  await cluster.clock.settle();
  await Promise.all(stopping);
  expect(everybody.map(({ failure }) => failure).filter((failure) => failure !== null)).toEqual([]);
});

describe('a handover of leadership', () => {
  it('goes to the node named, without an election time-out', async () => {
    const leader = await startCluster();
    const [, target] = cluster.followersOf(leader);
    const startedAtMs = cluster.clock.nowMs();
    expect(await cluster.outcome(leader.replica.transferLeadership(target.id))).toBe(target.id);
    expect(cluster.clock.nowMs() - startedAtMs).toBeLessThan(ELECTION_TIMEOUT_MS / 2);
    expect((await cluster.agreedLeader()).id).toBe(target.id);
  });

  it.each([1, 2, 3])(
    `with ${MANY} proposals on the way gives each its outcome, and applies none twice (%i)`,
    async (turn) => {
      const leader = await startCluster();
      const [one, two] = cluster.followersOf(leader);
      const nodes = [leader, one, two];
      const proposals: Promise<unknown>[] = [];
      let transfer: Promise<NodeId> | null = null;
      for (let number = 0; number < MANY; number += 1) {
        const proposer = nodes[number % nodes.length] ?? leader;
        proposals.push(proposer.propose(`p${number}`));
        if (number === MANY / 4) transfer = leader.replica.transferLeadership(turn === 1 ? null : one.id);
        if (number % turn === 0) await cluster.clock.advance(1);
      }
      expect(await cluster.outcome(transfer ?? Promise.reject(new Error('never asked')))).not.toBe(leader.id);
      await cluster.outcome(Promise.all(proposals));
      const applied = await cluster.converged(MANY);
      expect(applied.toSorted()).toEqual(Array.from({ length: MANY }, (_, number) => `p${number}`).toSorted());
    },
  );

  it('to a node that cannot be reached fails, and the leader serves on', async () => {
    const leader = await startCluster();
    const [target, other] = cluster.followersOf(leader);
    cluster.network.isolate(target.id);
    const transfer = leader.replica.transferLeadership(target.id);
    const during = [leader.propose('a'), other.propose('b')];
    expect(codeOf(await cluster.failure(transfer))).toBe('TRANSFER_FAILED');
    await cluster.outcome(Promise.all(during));
    expect((await cluster.agreedLeader([leader, other])).id).toBe(leader.id);
  });

  it('to a node without a vote is refused', async () => {
    const leader = await startCluster();
    expect(codeOf(await cluster.failure(leader.replica.transferLeadership(N4)))).toBe('TRANSFER_FAILED');
    const [follower] = cluster.followersOf(leader);
    expect(codeOf(await cluster.failure(follower.replica.transferLeadership(null)))).toBe('NOT_LEADER');
  });
});

describe('handovers on a bad network', () => {
  const ROUNDS = 40;
  const LOST_OF_100 = 5;
  const REPEATED_OF_100 = 20;

  it.each([1, 2, 3, 4, 5])('apply each proposal at most once, and everything acknowledged (seed %i)', async (seed) => {
    await startCluster();
    const chance = chances(seed);
    cluster.network.fateOf = () => {
      const number = chance(100);
      if (number < LOST_OF_100) return 'drop';
      return number < LOST_OF_100 + REPEATED_OF_100 ? 'duplicate' : 'deliver';
    };
    const acknowledged: string[] = [];
    const failures: unknown[] = [];
    let settledCount = 0;
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const node of cluster.nodes) {
        void node
          .propose(`${node.id}-${round}`)
          .then(({ text }) => acknowledged.push(text))
          .catch((error: unknown) => failures.push(codeOf(error)))
          .finally(() => (settledCount += 1));
      }
      const leader = cluster.nodes.find(({ replica }) => replica.status().role === 'leader');
      const target = cluster.ids[chance(cluster.ids.length)] ?? null;
      if (chance(4) === 0) void leader?.replica.transferLeadership(target).catch(() => undefined);
      const victim = cluster.ids[chance(cluster.ids.length)];
      if (chance(12) === 0 && victim !== undefined) {
        cluster.network.isolate(victim);
        cluster.clock.setTimer(ELECTION_TIMEOUT_MS, () => cluster.network.heal(victim));
      }
      await cluster.clock.advance(chance(30));
    }
    await cluster.clock.until(() => settledCount === ROUNDS * cluster.nodes.length);
    cluster.network.fateOf = () => 'deliver';
    await cluster.agreedLeader();
    const applied = await cluster.converged(acknowledged.length);
    expect(new Set(applied).size).toBe(applied.length);
    expect(applied).toEqual(expect.arrayContaining(acknowledged));
    expect(acknowledged.length).toBeGreaterThan((ROUNDS * cluster.nodes.length) / 2);
    expect(failures.every((code) => ['OUTCOME_UNKNOWN', 'NO_LEADER'].includes(String(code)))).toBe(true);
  });
});

describe('a member that joins', () => {
  it('is sent the state, follows as a learner, and votes when it is promoted', async () => {
    const leader = await startCluster();
    await cluster.outcome(Promise.all(Array.from({ length: MANY }, (_, number) => leader.propose(`p${number}`))));
    const n4 = await startJoiner(N4);
    expect((await change(leader, ADD_N4)).learners).toEqual([N4]);
    await cluster.converged(MANY, [...cluster.nodes, n4]);
    expect(n4.events.filter((event) => event.startsWith('snapshot at'))).not.toEqual([]);
    // The leader has to hear of it.
    await cluster.clock.advance(ELECTION_TIMEOUT_MS);
    const promoted = await change(leader, { type: 'promote', node: N4 });
    expect(promoted).toMatchObject({ voters: [...cluster.ids, N4], votersOutgoing: [], learners: [] });
    expect(await cluster.outcome(leader.replica.transferLeadership(N4))).toBe(N4);
    await cluster.outcome(n4.propose('by the new one'));
  });

  it('that is not there yet is not given a vote', async () => {
    const leader = await startCluster();
    await change(leader, ADD_N4);
    const failure = await cluster.failure(leader.replica.changeMembership({ type: 'promote', node: N4 }));
    expect([codeOf(failure), String(failure)]).toEqual([
      'MEMBERSHIP_REFUSED',
      expect.stringContaining('too far behind'),
    ]);
  });
});

describe('a member that was away while all others that it knew were removed', () => {
  it.each([false, true])('comes back by those of its settings (nodes know stores: %s)', async (knowsStores) => {
    cluster = new TestCluster(1, null, knowsStores);
    await cluster.start();
    const first = await cluster.agreedLeader();
    const away = await startJoiner(N4, [...cluster.ids, N4, N5]);
    await change(first, ADD_N4);
    await cluster.outcome(first.propose('while it was there'));
    await cluster.converged(1, [first, away]);
    await Promise.all([away.replica.stop(), cluster.clock.settle()]);
    const next = await startLeader(first, N5);
    await change(next, { type: 'remove', node: first.id });
    await cluster.clock.until(() => first.replica.status().phase === 'removed');

    // Long enough to have tried whom its log names.
    cluster.network.isolate(N4);
    await away.restart();
    await cluster.clock.advance(20 * ELECTION_TIMEOUT_MS);
    cluster.network.heal(N4);
    await cluster.outcome(next.propose('while it was not'));
    expect(await cluster.converged(2, [next, away])).toHaveLength(2);
  });
});

describe('a member that is removed, FAILURE-MODES 15', () => {
  it('is told, stops, and disturbs nobody', async () => {
    const leader = await startCluster();
    const [gone, other] = cluster.followersOf(leader);
    await change(leader, { type: 'remove', node: gone.id });
    await cluster.clock.until(() => gone.replica.status().phase === 'removed');
    const { currentTerm } = leader.replica.status();
    await cluster.clock.advance(20 * ELECTION_TIMEOUT_MS);
    await cluster.outcome(other.propose('without it'));
    expect(leader.replica.status()).toMatchObject({ role: 'leader', currentTerm });
    expect(codeOf(await cluster.failure(gone.propose('late')))).toBe('SHUTTING_DOWN');
  });

  it('and leads steps down once the change is committed, and another leads', async () => {
    const leader = await startCluster();
    const rest = without(cluster.nodes, leader);
    const membership = await change(leader, { type: 'remove', node: leader.id });
    expect(membership.voters).toEqual(rest.map(({ id }) => id));
    await cluster.clock.until(() => leader.replica.status().phase === 'removed');
    const next = await cluster.agreedLeader(rest);
    await cluster.outcome(next.propose('after'));
  });
});

describe('a member that was removed, emptied and added again under its name', () => {
  it('does not lead by the time when it was the only voter, and has everything once there is a later checkpoint', async () => {
    const only = await startLeader(await startCluster(), N4);
    for (const node of cluster.ids) await change(only, { type: 'demote', node });
    await cluster.outcome(Promise.all(Array.from({ length: MANY }, (_, number) => only.propose(`p${number}`))));
    const next = await startLeader(only, N5);
    expect(next.events.filter((event) => event.startsWith('snapshot at'))).not.toEqual([]);
    await change(next, { type: 'remove', node: N4 });
    await cluster.clock.until(() => only.replica.status().phase === 'removed');

    const emptied = await startJoiner(N4);
    await change(next, { type: 'addLearner', node: N4, address: null });
    await cluster.clock.advance(20 * ELECTION_TIMEOUT_MS);
    expect(emptied.replica.status()).toMatchObject({ role: 'follower', appliedIndex: 0 });
    cluster.network.isolate(N4);
    await cluster.clock.advance(20 * ELECTION_TIMEOUT_MS);
    expect(emptied.replica.status()).toMatchObject({ role: 'follower', leaderId: null });
    cluster.network.heal(N4);

    const later = Array.from({ length: CHECKPOINTS.everyEntries }, (_, number) => next.propose(`q${number}`));
    await cluster.outcome(Promise.all(later));
    expect(await cluster.converged(MANY + later.length, [next, emptied])).toHaveLength(MANY + later.length);
  });

  it('does not lead by that time either when it is started alone in the middle of the log that it was sent', async () => {
    cluster = new TestCluster(3, null, true);
    await cluster.start();
    const only = await startLeader(await cluster.agreedLeader(), N4);
    for (const node of cluster.ids) await change(only, { type: 'demote', node });
    // More than one message takes.
    const long = 'x'.repeat(LONG_BYTES);
    await cluster.outcome(Promise.all(Array.from({ length: MANY }, (_, number) => only.propose(`${number} ${long}`))));
    const next = await startLeader(only, N5);
    await change(next, { type: 'remove', node: N4 });
    await cluster.clock.until(() => only.replica.status().phase === 'removed');

    const emptied = await startJoiner(N4);
    await change(next, { type: 'addLearner', node: N4, address: null });
    await cluster.clock.until(() => emptied.disk.entries.length > 0);
    const memberships = emptied.disk.entries.filter((entry) => entry.type === 'membership');
    expect(memberships.at(-1)?.membership).toMatchObject({ voters: [N4], votersOutgoing: [] });
    cluster.network.isolate(N4);
    await Promise.all([emptied.replica.stop(), cluster.clock.settle()]);
    await emptied.restart();
    await cluster.clock.advance(20 * ELECTION_TIMEOUT_MS);
    expect(emptied.replica.status()).toMatchObject({ phase: 'running', role: 'follower', leaderId: null });

    cluster.network.heal(N4);
    expect(await cluster.converged(MANY, [next, emptied])).toHaveLength(MANY);
  });
});
