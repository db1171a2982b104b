import { nodeId } from '@latchkey/raft';
import { MemoryDisk } from '@latchkey/storage-memory';
import { afterEach, describe, expect, it } from 'vitest';
import { LogStoreError } from './ports/log-store.js';
import type { PeerMessage } from './ports/peer-transport.js';
import { backupOf, IdentityCluster, isVoterAt, LONG_MS, MANY, phaseOf } from './test-support/identity-cluster.js';
import { ELECTION_TIMEOUT_MS, TestNode } from './test-support/test-cluster.js';

const N4 = nodeId('n4');

let cluster: IdentityCluster;

function newCluster(): IdentityCluster {
  cluster = new IdentityCluster();
  return cluster;
}

afterEach(async () => {
  await cluster.stop();
  expect(cluster.nodes.map(({ failure }) => failure).filter((failure) => failure !== null)).toEqual([]);
});

describe('the first start of a cluster, FAILURE-MODES 32', () => {
  it('waits for every founder: a majority of new stores could be one that has lost everything', async () => {
    const [one, two, three] = newCluster().nodes as [TestNode, TestNode, TestNode];
    await Promise.all([one.start(), two.start()]);
    await cluster.clock.advance(LONG_MS);
    expect([phaseOf(one), phaseOf(two)]).toEqual(['admitting', 'admitting']);
    expect(one.disk.isNew && two.disk.isNew).toBe(true);
    await three.start();
    await cluster.agreedLeader();
    expect(one.disk.identity.founders).toEqual(cluster.ids);
  });

  /** Two have founded, and the third has not written that down when it ends. @returns the third, and who leads */
  async function foundedWithoutOne(): Promise<readonly [late: TestNode, leader: TestNode]> {
    const [one, two, late] = newCluster().nodes as [TestNode, TestNode, TestNode];
    const away = new LogStoreError('unavailable', 'the store is away');
    late.foundingFaults.push(...Array.from({ length: MANY }, () => away));
    await Promise.all(cluster.nodes.map((node) => node.start()));
    const leader = await cluster.agreedLeader([one, two]);
    await cluster.stopNode(late);
    late.foundingFaults.length = 0;
    expect(late.disk.isNew).toBe(true);
    return [late, leader];
  }

  it('is over for a founder that dies in the middle of it: the others remember its store', async () => {
    const [late, leader] = await foundedWithoutOne();
    await late.restart();
    await cluster.clock.until(() => phaseOf(late) === 'running');
    await cluster.write(leader, 1);
    await cluster.converged(1);
    expect(late.events.filter((event) => event.startsWith('rejoining'))).toEqual([]);
  });

  it('is over also where somebody who came later, and does not know its store, is heard first', async () => {
    const [late, leader] = await foundedWithoutOne();
    const newcomer = new TestNode(N4, cluster, new MemoryDisk('store of n4'));
    await newcomer.start();
    await cluster.outcome(leader.replica.changeMembership({ type: 'addLearner', node: N4, address: null }));
    await cluster.write(leader, 1);
    await cluster.converged(1, [...cluster.others(late), newcomer]);
    cluster.network.fateOf = (from, to) => (to === late.id && from !== N4 ? 'drop' : 'deliver');
    await late.restart();
    await cluster.clock.advance(LONG_MS);
    expect(phaseOf(late)).toBe('admitting');
    cluster.network.fateOf = () => 'deliver';
    await cluster.clock.until(() => phaseOf(late) === 'running');
    await cluster.converged(1);
    expect(late.events.filter((event) => event.startsWith('rejoining'))).toEqual([]);
    await cluster.stopNode(newcomer);
  });

  it('needs nobody else when there is only one', async () => {
    cluster = new IdentityCluster(1);
    await cluster.start();
    await cluster.write(await cluster.agreedLeader(), 3);
    expect(await cluster.converged(3)).toHaveLength(3);
  });
});

describe('a node that comes back with the store that the others know', () => {
  it('takes part when a majority says so, without the third', async () => {
    const leader = await newCluster().begun();
    const [one, two] = cluster.followersOf(leader);
    for (const node of cluster.nodes) await cluster.stopNode(node);
    await Promise.all([one.restart(), two.restart()]);
    const next = await cluster.agreedLeader([one, two]);
    await cluster.write(next, 1, 'after');
    expect(one.disk.identity.storeId).toBe(`store of ${one.id}`);
  });

  it('does not take part while nobody answers', async () => {
    const leader = await newCluster().begun();
    for (const node of cluster.nodes) await cluster.stopNode(node);
    await leader.restart();
    await cluster.clock.advance(LONG_MS);
    expect(leader.replica.status()).toMatchObject({ phase: 'admitting', role: 'follower', rejoining: null });
  });

  it('refuses to start when it has nothing but its founders, and the settings name others', async () => {
    const [one] = newCluster().nodes as [TestNode];
    one.disk.identity.founders = cluster.ids.slice(0, 2);
    const failure = await cluster.failure(one.replica.start());
    expect(failure).toBeInstanceOf(LogStoreError);
    expect(failure).toMatchObject({ code: 'foreign' });
  });
});

describe.each([
  ['was wiped', 'replaced', (node: TestNode) => node.restartWiped()],
  [
    'cannot be read',
    'corrupt',
    (node: TestNode) => {
      node.disk.isDamaged = true;
      return node.restart();
    },
  ],
] as const)('a node whose store %s, FAILURE-MODES 29, 32', (_what, reason, restart) => {
  it.each(['leader', 'follower'] as const)(
    'says nothing in Raft before it has no vote, and has it again in the end (%s)',
    async (role) => {
      const leader = await newCluster().begun();
      const lost = role === 'leader' ? leader : cluster.followersOf(leader)[0];
      const oldStore = lost.disk.identity.storeId;
      await cluster.stopNode(lost);
      const rest = cluster.others(lost);
      const said = cluster.watchRaftMessages(lost, () =>
        rest.some(
          (node) =>
            node.replica.status().membership.votersOutgoing.length === 0 &&
            isVoterAt(node, lost) &&
            lost.replica.status().phase !== 'running',
        ),
      );
      await restart(lost);
      await cluster.isVoterAgain(lost);
      expect(said).toEqual([]);
      expect(lost.events).toContain(`rejoining: ${reason}`);
      expect(lost.events.at(-1)).toBeDefined();
      expect(lost.disk.identity).toMatchObject({ wantsVoteBack: true, founders: [] });
      // Where its vote was taken from it.
      expect(lost.disk.identity.joinedIndex).toBeGreaterThan(MANY);
      expect(lost.disk.identity.storeId).not.toBe(oldStore);
      await cluster.write(await cluster.agreedLeader(), 3, 'after');
      const texts = await cluster.converged(MANY + 3);
      expect(texts).toHaveLength(MANY + 3);
    },
  );

  it('keeps what is left of its store, and its vote, while the others have no majority without it', async () => {
    const leader = await newCluster().begun();
    const [lost, other] = cluster.followersOf(leader);
    await cluster.stopNode(other);
    await cluster.stopNode(lost);
    await restart(lost);
    await cluster.clock.until(() => phaseOf(lost) === 'rejoining');
    const { storeId } = lost.disk.identity;
    await cluster.clock.advance(LONG_MS);
    expect(lost.replica.status()).toMatchObject({ phase: 'rejoining', rejoining: reason });
    expect(lost.disk.identity.storeId).toBe(storeId);
    await other.restart();
    await cluster.isVoterAgain(lost);
    expect(await cluster.converged(MANY)).toHaveLength(MANY);
  });

  it('comes back although it dies again and again on the way, and the leader with it', async () => {
    const leader = await newCluster().begun();
    const [lost] = cluster.followersOf(leader);
    await cluster.stopNode(lost);
    await restart(lost);
    for (let pauseMs = 1; pauseMs < ELECTION_TIMEOUT_MS; pauseMs *= 2) {
      await cluster.clock.advance(pauseMs);
      await cluster.stopNode(lost);
      await lost.restart();
    }
    await cluster.stopNode(leader);
    await cluster.clock.advance(ELECTION_TIMEOUT_MS);
    await leader.restart();
    await cluster.isVoterAgain(lost);
    await cluster.write(await cluster.agreedLeader(), 2, 'after');
    expect(await cluster.converged(MANY + 2)).toHaveLength(MANY + 2);
  });
});

describe('a node whose store was restored from a backup, FAILURE-MODES 32', () => {
  it('is told by the others that it has lost something, and comes back as a learner', async () => {
    const leader = await newCluster().begun();
    const [lost] = cluster.followersOf(leader);
    const backup = backupOf(lost.disk);
    await cluster.write(leader, MANY, 'later');
    await cluster.converged(2 * MANY);
    await cluster.stopNode(lost);
    lost.disk = backup;
    await lost.restart();
    await cluster.isVoterAgain(lost);
    expect(lost.events).toContain('rejoining: behind');
    expect(await cluster.converged(2 * MANY)).toHaveLength(2 * MANY);
  });
});

describe('a node that ends after its vote was taken from it, and before it could begin anew', () => {
  /** It ends when its vote was taken, without having heard so. Another one leads then. */
  async function loseVote(lost: TestNode, start: () => Promise<void>): Promise<void> {
    const leader = await cluster.agreedLeader();
    const isRelease = (message: PeerMessage): boolean =>
      message.type === 'identity' && message.message.type === 'releaseAnswer' && message.message.isReleased;
    cluster.network.fateOf = (_from, _to, message) => (isRelease(message) ? 'drop' : 'deliver');
    await start();
    await cluster.clock.until(() => !isVoterAt(leader, lost));
    await cluster.clock.advance(LONG_MS);
    expect(phaseOf(lost)).toBe('rejoining');
    await cluster.stopNode(lost);
    cluster.network.fateOf = () => 'deliver';
    const [next] = cluster.others(lost).filter((node) => node !== leader) as [TestNode];
    await cluster.outcome(leader.replica.transferLeadership(next.id));
    await cluster.agreedLeader(cluster.others(lost));
  }

  it.each([
    ['was set back', (lost: TestNode, old: MemoryDisk) => ((lost.disk = old), lost.restart())],
    ['was wiped', (lost: TestNode) => lost.restartWiped()],
    ['cannot be read', (lost: TestNode) => ((lost.disk.isDamaged = true), lost.restart())],
  ])('has its vote again in the end (its store %s)', async (_what, start) => {
    const leader = await newCluster().begun();
    const [lost] = cluster.followersOf(leader);
    const old = backupOf(lost.disk);
    await cluster.write(leader, MANY, 'later');
    await cluster.converged(2 * MANY);
    await cluster.stopNode(lost);
    lost.wantVoteFaults.push(new LogStoreError('unavailable', 'the store is away'));
    await loseVote(lost, () => start(lost, old));
    expect(lost.wantVoteFaults).toEqual([]);
    await lost.restart();
    await cluster.isVoterAgain(lost);
    expect(await cluster.converged(2 * MANY)).toHaveLength(2 * MANY);
  });

  it('keeps its vote as long as it cannot write down that it wants it back', async () => {
    const leader = await newCluster().begun();
    const [lost] = cluster.followersOf(leader);
    await cluster.stopNode(lost);
    const away = new LogStoreError('unavailable', 'the store is away');
    lost.wantVoteFaults.push(...Array.from({ length: MANY }, () => away));
    await lost.restartWiped();
    await cluster.clock.advance(LONG_MS);
    expect([phaseOf(lost), isVoterAt(leader, lost)]).toEqual(['rejoining', true]);
    lost.wantVoteFaults.length = 0;
    await cluster.isVoterAgain(lost);
  });

  it('has it again also when that is the second time', async () => {
    const leader = await newCluster().begun();
    const [lost] = cluster.followersOf(leader);
    await cluster.stopNode(lost);
    await lost.restartWiped();
    await cluster.isVoterAgain(lost);
    await cluster.clock.advance(LONG_MS);
    const old = backupOf(lost.disk);
    await cluster.write(leader, MANY, 'later');
    await cluster.converged(2 * MANY);
    await cluster.stopNode(lost);
    await loseVote(lost, () => ((lost.disk = old), lost.restart()));
    await lost.restart();
    await cluster.isVoterAgain(lost);
  });
});

describe('a learner whose store was wiped', () => {
  it('is sent everything anew, and stays a learner', async () => {
    const leader = await newCluster().begun();
    const [lost] = cluster.followersOf(leader);
    await cluster.outcome(leader.replica.changeMembership({ type: 'demote', node: lost.id }));
    await cluster.stopNode(lost);
    await lost.restartWiped();
    expect(await cluster.converged(MANY)).toHaveLength(MANY);
    await cluster.clock.advance(LONG_MS);
    expect(isVoterAt(await cluster.agreedLeader(), lost)).toBe(false);
    expect(lost.replica.status()).toMatchObject({ phase: 'running', rejoining: null });
  });
});

describe('a vote that an operator takes after it was regained', () => {
  it('is not asked for again, also after a restart', async () => {
    const leader = await newCluster().begun();
    const [lost] = cluster.followersOf(leader);
    await cluster.stopNode(lost);
    await lost.restartWiped();
    await cluster.isVoterAgain(lost);
    const present = await cluster.agreedLeader();
    await cluster.outcome(present.replica.changeMembership({ type: 'demote', node: lost.id }));
    await cluster.stopNode(lost);
    await lost.restart();
    await cluster.clock.advance(LONG_MS);
    expect(isVoterAt(await cluster.agreedLeader(), lost)).toBe(false);
  });
});
