import { afterEach, describe, expect, it } from 'vitest';
import { LogStoreError } from './ports/log-store.js';
import type { PeerMessage } from './ports/peer-transport.js';
import { ELECTION_TIMEOUT_MS, TestCluster, type TestNode } from './test-support/test-cluster.js';

const CHECKPOINTS = { everyEntries: 20, trailingEntries: 5 };
const MANY = 60;
/** Long enough for several comparisons of states, and for anything that follows from them. */
const LONG_MS = 60 * ELECTION_TIMEOUT_MS;
const DAMAGE = new LogStoreError('corrupt', 'a row is not what was written');

let cluster: TestCluster;

async function startedCluster(size = 3, commandCount = MANY): Promise<TestNode> {
  cluster = new TestCluster(size, CHECKPOINTS, true);
  await cluster.start();
  const leader = await cluster.agreedLeader();
  await write(leader, commandCount);
  await cluster.converged(commandCount);
  return leader;
}

async function write(node: TestNode, count: number, prefix = 'c'): Promise<void> {
  for (let number = 0; number < count; number += 1) await cluster.outcome(node.propose(`${prefix}${number}`));
}

const numbers = (count: number): number[] => Array.from({ length: count }, (_, number) => number);
const others = (node: TestNode): TestNode[] => cluster.nodes.filter((other) => other !== node);
const isVoterAt = (leader: TestNode, node: TestNode): boolean =>
  leader.replica.status().membership.voters.includes(node.id);
const hasBegunAnew = (node: TestNode): boolean => node.disk.identity.founders?.length === 0;

/** It has begun anew, with all that it had. */
async function isVoterAgain(lost: TestNode): Promise<void> {
  await cluster.clock.until(() => {
    const { phase, rejoining } = lost.replica.status();
    const leader = cluster.nodes.find((node) => node.replica.status().role === 'leader');
    const isSettled = leader?.replica.status().membership.votersOutgoing.length === 0;
    return phase === 'running' && rejoining === null && hasBegunAnew(lost) && isSettled && isVoterAt(leader, lost);
  });
}

/** What `lost` says in Raft between its loss and the moment when nobody counts on it any more. */
function watchRaftMessages(lost: TestNode): string[] {
  const said: string[] = [];
  cluster.network.fateOf = (from, _to, message: PeerMessage) => {
    const isLost = lost.disk.identity.lost !== null || lost.replica.status().phase === 'rejoining';
    if (from === lost.id && message.type === 'raft' && isLost) said.push(message.message.type);
    return 'deliver';
  };
  return said;
}

async function expectOneState(count: number): Promise<void> {
  const texts = await cluster.converged(count);
  expect(texts).toHaveLength(count);
  expect(new Set(cluster.nodes.map((node) => node.machine.stateHash)).size).toBe(1);
}

afterEach(async () => {
  const stopping = cluster.nodes.map((node) => node.replica.stop());
  await cluster.clock.settle();
  await Promise.all(stopping);
  expect(cluster.nodes.map(({ failure }) => failure).filter((failure) => failure !== null)).toEqual([]);
});

/** How a node that takes part comes to know that its store is damaged. */
const FINDINGS: readonly (readonly [who: string, find: (node: TestNode) => Promise<void>])[] = [
  ['somebody who looks at it', async (node) => node.replica.storeFoundCorrupt(DAMAGE)],
  [
    'a load after it had failed',
    async (node) => {
      node.disk.isDamaged = true;
      node.store.failNextPersist({ code: 'outcomeUnknown', isWritten: true });
    },
  ],
  [
    'a checkpoint that cannot be saved',
    async (node) => {
      node.checkpointStore.failNext('save', { code: 'corrupt', isWritten: false });
    },
  ],
];

describe.each(FINDINGS)('a running node whose store is found corrupt by %s, FAILURE-MODES 29', (_who, find) => {
  it.each(['leader', 'follower'] as const)(
    'is silent at once, begins anew, and has all that it had in the end (%s)',
    async (role) => {
      const leader = await startedCluster();
      const lost = role === 'leader' ? leader : cluster.followersOf(leader)[0];
      const oldStore = lost.disk.identity.storeId;
      const said = watchRaftMessages(lost);
      await find(lost);
      // So that something is written.
      const load = numbers(CHECKPOINTS.everyEntries).map((number) => lost.propose(`during ${number}`));
      const settled = Promise.allSettled(load);
      await isVoterAgain(lost);
      await cluster.settled(settled);
      cluster.network.fateOf = () => 'deliver';
      expect(said).toEqual([]);
      expect(lost.events).toContain('history lost: corrupt');
      expect(lost.disk.identity).toMatchObject({ wantsVoteBack: true, founders: [], lost: null });
      expect(lost.disk.identity.storeId).not.toBe(oldStore);
      await write(await cluster.agreedLeader(), 3, 'after');
      const texts = await cluster.converged(MANY + 3);
      expect(texts.filter((text) => text.startsWith('after'))).toHaveLength(3);
      expect(new Set(cluster.nodes.map((node) => node.machine.stateHash)).size).toBe(1);
    },
  );
});

describe('a running node whose store is found corrupt', () => {
  it('settles its callers, says nothing, and ends; who asks it later is refused while it takes no part', async () => {
    const leader = await startedCluster();
    for (const node of others(leader)) cluster.network.isolate(node.id);
    const pending = cluster.failure(leader.propose('on its way'));
    await cluster.clock.settle();
    const { replica } = leader;
    replica.storeFoundCorrupt(DAMAGE);
    expect(await pending).toMatchObject({ code: 'OUTCOME_UNKNOWN' });
    expect(replica.status()).toMatchObject({ phase: 'failed', role: 'follower', rejoining: 'corrupt' });
    await cluster.clock.until(() => leader.replica !== replica && leader.replica.status().phase === 'rejoining');
    for (const node of others(leader)) cluster.network.isolate(node.id);
    expect(await cluster.failure(leader.propose('refused'))).toMatchObject({ code: 'NO_LEADER' });
    expect(await cluster.failure(leader.replica.readBarrier())).toMatchObject({ code: 'NO_LEADER' });
    for (const node of others(leader)) cluster.network.heal(node.id);
    await isVoterAgain(leader);
    await write(await cluster.agreedLeader(), 1, 'after');
  });

  it('keeps what is left of its store while the others have no majority without it', async () => {
    const leader = await startedCluster();
    const [lost, other] = cluster.followersOf(leader);
    await cluster.outcome(other.replica.stop());
    const { storeId } = lost.disk.identity;
    lost.replica.storeFoundCorrupt(DAMAGE);
    await cluster.clock.advance(LONG_MS);
    expect(lost.replica.status()).toMatchObject({ phase: 'rejoining', rejoining: 'corrupt' });
    expect(lost.disk.identity).toMatchObject({ storeId, lost: 'corrupt' });
    await other.restart();
    await isVoterAgain(lost);
    await expectOneState(MANY);
  });

  it('stays lost when the store fails on the way, though it can be read again then', async () => {
    const leader = await startedCluster();
    const [lost] = cluster.followersOf(leader);
    lost.startAnewFaults.push(new LogStoreError('unavailable', 'no connection'));
    const said = watchRaftMessages(lost);
    lost.replica.storeFoundCorrupt(DAMAGE);
    await isVoterAgain(lost);
    expect(said).toEqual([]);
    expect(lost.events).toContain('warning: the store cannot be used yet');
    expect(lost.events.filter((event) => event === 'history lost: corrupt')).toHaveLength(1);
    expect(lost.events.filter((event) => event === 'rejoining: corrupt')).toHaveLength(2);
    await expectOneState(MANY);
  });

  it('ends all the same when that cannot be written down; what is still there is found again', async () => {
    const leader = await startedCluster();
    const [lost] = cluster.followersOf(leader);
    lost.markLostFaults.push(new LogStoreError('unavailable', 'no connection'));
    lost.replica.storeFoundCorrupt(DAMAGE);
    await cluster.clock.until(() => lost.events.includes('history lost: corrupt'));
    expect(lost.disk.identity.lost).toBeNull();
    await cluster.clock.until(() => lost.replica.status().phase === 'running');
    lost.replica.storeFoundCorrupt(DAMAGE);
    await isVoterAgain(lost);
    await expectOneState(MANY);
  });

  it('can lose its history again and again', async () => {
    const leader = await startedCluster();
    const [lost] = cluster.followersOf(leader);
    for (let round = 1; round <= 3; round += 1) {
      const { storeId } = lost.disk.identity;
      lost.replica.storeFoundCorrupt(DAMAGE);
      await cluster.clock.until(() => lost.disk.identity.storeId !== storeId);
      await isVoterAgain(lost);
      await write(await cluster.agreedLeader(), 5, `round ${round} `);
    }
    await expectOneState(MANY + 15);
  });

  it('goes on when it is the only one: nobody could take its vote, nor give it what it had', async () => {
    const leader = await startedCluster(1);
    leader.replica.storeFoundCorrupt(DAMAGE);
    await write(leader, 1, 'after');
    expect(leader.replica.status()).toMatchObject({ phase: 'running', role: 'leader', rejoining: null });
    expect(leader.events).toContain('warning: damage in the store');
  });

  it('fails for good when nobody looks at who the stores are', async () => {
    cluster = new TestCluster(3, CHECKPOINTS);
    await cluster.start();
    const [lost] = cluster.followersOf(await cluster.agreedLeader());
    lost.replica.storeFoundCorrupt(DAMAGE);
    expect(lost.replica.status().phase).toBe('failed');
    expect(lost.failure).toBe(DAMAGE);
    lost.failure = null;
  });
});

describe('a node whose state is not that of the others, FAILURE-MODES 34', () => {
  it.each([
    ['follower', 3],
    ['leader', 3],
    ['follower', 5],
    ['leader', 5],
  ] as const)('takes itself out and comes back with the right one (%s of %i)', async (role, size) => {
    const leader = await startedCluster(size);
    const lost = role === 'leader' ? leader : (others(leader)[0] ?? leader);
    lost.machine.goAstray('something else');
    await write(others(lost)[0] ?? leader, 1, 'noticed');
    await isVoterAgain(lost);
    expect(lost.events).toContain('history lost: diverged');
    expect(others(lost).some((node) => node.events.includes('history lost: diverged'))).toBe(false);
    expect(others(lost).every((node) => node.differing.has(lost.id))).toBe(true);
    await write(await cluster.agreedLeader(), 3, 'after');
    await expectOneState(MANY + 4);
    expect(lost.machine.texts).not.toContain('something else');
  });

  it('of two out of five: both come back', async () => {
    const leader = await startedCluster(5);
    const [one, two] = others(leader) as [TestNode, TestNode];
    one.machine.goAstray('one');
    two.machine.goAstray('two');
    await write(leader, 1, 'noticed');
    await Promise.all([isVoterAgain(one), isVoterAgain(two)]);
    await expectOneState(MANY + 1);
  });

  it('is found although entries come without a pause', async () => {
    const leader = await startedCluster();
    const [lost] = cluster.followersOf(leader);
    lost.machine.goAstray('something else');
    let count = 0;
    const proposals: Promise<unknown>[] = [];
    while (!lost.events.includes('history lost: diverged')) {
      proposals.push(leader.propose(`load ${(count += 1)}`));
      await cluster.clock.advance(1);
    }
    await isVoterAgain(lost);
    for (const proposal of proposals) await cluster.outcome(proposal);
    await expectOneState(MANY + count);
  });

  it('says so, and goes on, where no majority agrees on either: nobody can tell who is wrong', async () => {
    const leader = await startedCluster();
    const [one, two] = cluster.followersOf(leader);
    one.machine.goAstray('one');
    two.machine.goAstray('two');
    await write(leader, 1, 'noticed');
    await cluster.clock.advance(LONG_MS);
    for (const node of cluster.nodes) {
      expect(node.replica.status()).toMatchObject({ phase: 'running', rejoining: null });
      expect(node.differing.size).toBe(2);
      expect(node.events.filter((event) => event === 'warning: the states of two nodes differ')).toHaveLength(1);
    }
    await write(leader, 1, 'still there');
  });

  it('cannot talk the others out: with one of three away, the two that differ both stay', async () => {
    const leader = await startedCluster();
    const [wrong, away] = cluster.followersOf(leader);
    cluster.network.isolate(away.id);
    wrong.machine.goAstray('something else');
    await write(leader, 1, 'noticed');
    await cluster.clock.advance(LONG_MS);
    expect(leader.differing.has(wrong.id) && wrong.differing.has(leader.id)).toBe(true);
    expect([leader, wrong].every((node) => node.replica.status().phase === 'running')).toBe(true);
    cluster.network.heal(away.id);
    await isVoterAgain(wrong);
    expect(wrong.events).toContain('history lost: diverged');
    await expectOneState(MANY + 1);
  });

  it('is nobody who is merely behind, or was restored from a snapshot', async () => {
    const leader = await startedCluster();
    const [behind] = cluster.followersOf(leader);
    cluster.network.isolate(behind.id);
    await write(leader, MANY, 'more');
    cluster.network.heal(behind.id);
    await write(leader, 5, 'after');
    await cluster.clock.advance(LONG_MS);
    await expectOneState(2 * MANY + 5);
    expect(behind.events.some((event) => event.startsWith('snapshot at'))).toBe(true);
    expect(cluster.nodes.some((node) => node.differing.size > 0)).toBe(false);
  });

  it('costs an idle cluster nothing', async () => {
    await startedCluster();
    await cluster.clock.advance(LONG_MS);
    const said: string[] = [];
    cluster.network.fateOf = (_from, _to, message) => {
      if (message.type === 'stateHash' || message.type === 'stateHashWanted') said.push(message.type);
      return 'deliver';
    };
    await cluster.clock.advance(LONG_MS);
    expect(said).toEqual([]);
  });
});
