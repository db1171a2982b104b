import { logIndex } from '@latchkey/raft';
import { MemoryDisk } from '@latchkey/storage-memory';
import { afterEach, describe, expect, it } from 'vitest';
import { MAX_REMEMBERED_CLAIMS } from './limits.js';
import { LogStoreError } from './ports/log-store.js';
import type { PeerMessage } from './ports/peer-transport.js';
import { ELECTION_TIMEOUT_MS, TestCluster, type TestNode } from './test-support/test-cluster.js';

const CHECKPOINTS = { everyEntries: 20, trailingEntries: 5 };
const MANY = 60;
/** Long enough for anything that is going to happen. */
const LONG_MS = 20 * ELECTION_TIMEOUT_MS;

let cluster: TestCluster;

function newCluster(): TestCluster {
  cluster = new TestCluster(3, CHECKPOINTS, true);
  return cluster;
}

async function startedCluster(commandCount = MANY): Promise<TestNode> {
  newCluster();
  await cluster.start();
  const leader = await cluster.agreedLeader();
  await write(leader, commandCount);
  await cluster.converged(commandCount);
  return leader;
}

async function write(node: TestNode, count: number, prefix = 'c'): Promise<void> {
  for (let number = 0; number < count; number += 1) await cluster.outcome(node.propose(`${prefix}${number}`));
}

const stop = (node: TestNode): Promise<void> => cluster.outcome(node.replica.stop());
const phaseOf = (node: TestNode): string => node.replica.status().phase;
const isVoterAt = (leader: TestNode, node: TestNode): boolean =>
  leader.replica.status().membership.voters.includes(node.id);
const others = (node: TestNode): TestNode[] => cluster.nodes.filter((other) => other !== node);

/** Everything that `node` says in Raft from now on, with whether the cluster counts on its store at that moment. */
function watchRaftMessages(node: TestNode, countsOnIt: () => boolean): string[] {
  const said: string[] = [];
  cluster.network.fateOf = (from, _to, message: PeerMessage) => {
    if (from === node.id && message.type === 'raft' && countsOnIt()) said.push(message.message.type);
    return 'deliver';
  };
  return said;
}

async function isVoterAgain(node: TestNode): Promise<void> {
  await cluster.clock.until(() => {
    const { phase, rejoining } = node.replica.status();
    const leader = cluster.nodes.find((other) => other.replica.status().role === 'leader');
    const isSettled = leader?.replica.status().membership.votersOutgoing.length === 0;
    return phase === 'running' && rejoining === null && isSettled && isVoterAt(leader, node);
  });
}

/** What `disk` holds now, as a backup would keep it. */
function backupOf(disk: MemoryDisk): MemoryDisk {
  const copy = new MemoryDisk(disk.identity.storeId);
  const { hardState, base, entries, checkpoint } = disk;
  Object.assign(copy, { hardState, base, entries: [...entries] });
  copy.checkpoint = checkpoint === null ? null : { meta: checkpoint.meta, rows: new Map(checkpoint.rows) };
  const { epoch, claims, founders, peers } = disk.identity;
  Object.assign(copy.identity, { epoch, claims, founders });
  for (const record of peers.values()) copy.identity.peers.set(record.node, record);
  return copy;
}

/** Processes that end before they have reached anybody. */
async function startUnheard(node: TestNode, times: number): Promise<void> {
  cluster.network.isolate(node.id);
  for (let left = times; left > 0; left -= 1) {
    await node.restart();
    expect(phaseOf(node)).toBe('admitting');
    await stop(node);
  }
  cluster.network.heal(node.id);
}

/** The others see its claim, and it hears of no verdict. */
async function startInVain(node: TestNode): Promise<void> {
  cluster.network.fateOf = (_from, _to, message: PeerMessage) =>
    message.type === 'identity' && message.message.type === 'storeVerdict' ? 'drop' : 'deliver';
  await node.restart();
  await cluster.clock.advance(LONG_MS);
  expect(phaseOf(node)).toBe('admitting');
  await stop(node);
  cluster.network.fateOf = () => 'deliver';
}

afterEach(async () => {
  const stopping = cluster.nodes.map((node) => node.replica.stop());
  await cluster.clock.settle();
  await Promise.all(stopping);
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

  it('is over for a founder that dies in the middle of it, once the others remember its store', async () => {
    const [one, two, three] = newCluster().nodes as [TestNode, TestNode, TestNode];
    await Promise.all(cluster.nodes.map((node) => node.start()));
    await cluster.agreedLeader();
    await stop(three);
    // As if it had died before it could write anything down.
    three.disk = new MemoryDisk(three.disk.identity.storeId);
    for (const node of [one, two]) {
      const record = node.disk.identity.peers.get(three.id);
      if (record === undefined) throw new Error('not remembered');
      node.disk.identity.peers.set(three.id, { ...record, term: record.term, lastIndex: logIndex(0) });
    }
    await three.restart();
    await isVoterAgain(three);
    await write(await cluster.agreedLeader(), 1);
  });

  it('needs nobody else when there is only one', async () => {
    cluster = new TestCluster(1, CHECKPOINTS, true);
    await cluster.start();
    await write(await cluster.agreedLeader(), 3);
    expect(await cluster.converged(3)).toHaveLength(3);
  });
});

describe('a node that comes back with the store that the others know', () => {
  it('takes part when a majority says so, without the third', async () => {
    const leader = await startedCluster();
    const [one, two] = cluster.followersOf(leader);
    for (const node of cluster.nodes) await stop(node);
    await Promise.all([one.restart(), two.restart()]);
    const next = await cluster.agreedLeader([one, two]);
    await write(next, 1, 'after');
    expect(one.disk.identity.storeId).toBe(`store of ${one.id}`);
  });

  it('does not take part while nobody answers', async () => {
    const leader = await startedCluster();
    for (const node of cluster.nodes) await stop(node);
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
      const leader = await startedCluster();
      const lost = role === 'leader' ? leader : cluster.followersOf(leader)[0];
      const oldStore = lost.disk.identity.storeId;
      await stop(lost);
      const rest = others(lost);
      const said = watchRaftMessages(lost, () =>
        rest.some(
          (node) =>
            node.replica.status().membership.votersOutgoing.length === 0 &&
            isVoterAt(node, lost) &&
            lost.replica.status().phase !== 'running',
        ),
      );
      await restart(lost);
      await isVoterAgain(lost);
      expect(said).toEqual([]);
      expect(lost.events).toContain(`rejoining: ${reason}`);
      expect(lost.events.at(-1)).toBeDefined();
      expect(lost.disk.identity).toMatchObject({ wantsVoteBack: true, founders: [] });
      // Where its vote was taken from it.
      expect(lost.disk.identity.joinedIndex).toBeGreaterThan(MANY);
      expect(lost.disk.identity.storeId).not.toBe(oldStore);
      await write(await cluster.agreedLeader(), 3, 'after');
      const texts = await cluster.converged(MANY + 3);
      expect(texts).toHaveLength(MANY + 3);
    },
  );

  it('keeps what is left of its store, and its vote, while the others have no majority without it', async () => {
    const leader = await startedCluster();
    const [lost, other] = cluster.followersOf(leader);
    await stop(other);
    await stop(lost);
    await restart(lost);
    await cluster.clock.until(() => phaseOf(lost) === 'rejoining');
    const { storeId } = lost.disk.identity;
    await cluster.clock.advance(LONG_MS);
    expect(lost.replica.status()).toMatchObject({ phase: 'rejoining', rejoining: reason });
    expect(lost.disk.identity.storeId).toBe(storeId);
    await other.restart();
    await isVoterAgain(lost);
    expect(await cluster.converged(MANY)).toHaveLength(MANY);
  });

  it('comes back although it dies again and again on the way, and the leader with it', async () => {
    const leader = await startedCluster();
    const [lost] = cluster.followersOf(leader);
    await stop(lost);
    await restart(lost);
    for (let pauseMs = 1; pauseMs < ELECTION_TIMEOUT_MS; pauseMs *= 2) {
      await cluster.clock.advance(pauseMs);
      await stop(lost);
      await lost.restart();
    }
    await stop(leader);
    await cluster.clock.advance(ELECTION_TIMEOUT_MS);
    await leader.restart();
    await isVoterAgain(lost);
    await write(await cluster.agreedLeader(), 2, 'after');
    expect(await cluster.converged(MANY + 2)).toHaveLength(MANY + 2);
  });
});

describe('a node whose store was restored from a backup, FAILURE-MODES 32', () => {
  it('is told by the others that it has lost something, and comes back as a learner', async () => {
    const leader = await startedCluster();
    const [lost] = cluster.followersOf(leader);
    const backup = backupOf(lost.disk);
    await write(leader, MANY, 'later');
    await cluster.converged(2 * MANY);
    await stop(lost);
    lost.disk = backup;
    await lost.restart();
    await isVoterAgain(lost);
    expect(lost.events).toContain('rejoining: behind');
    expect(await cluster.converged(2 * MANY)).toHaveLength(2 * MANY);
  });

  it.each([
    ['once', 1],
    ['twice', 2],
  ])('is told so also by nodes that have restarted since, when it was started %s after the copy', async (_, starts) => {
    const leader = await startedCluster();
    const [lost] = cluster.followersOf(leader);
    const backup = backupOf(lost.disk);
    // Other runs of the process: their claims are remembered durably at once.
    for (let left = starts; left > 0; left -= 1) {
      await stop(lost);
      await lost.restart();
      await cluster.clock.until(() => phaseOf(lost) === 'running');
      await cluster.clock.advance(LONG_MS);
    }
    for (const node of cluster.nodes) await stop(node);
    lost.disk = backup;
    await Promise.all(cluster.nodes.map((node) => node.restart()));
    await isVoterAgain(lost);
    expect(lost.events).toContain('rejoining: behind');
  });

  it.each([0, 1, 5])('is told so when its epoch has come to the one that they know, and %i beyond', async (beyond) => {
    const leader = await startedCluster();
    const [lost] = cluster.followersOf(leader);
    const backup = backupOf(lost.disk);
    for (let starts = 0; starts < 3; starts += 1) {
      await stop(lost);
      await lost.restart();
      await cluster.clock.until(() => phaseOf(lost) === 'running');
    }
    const { epoch } = lost.disk.identity;
    await stop(lost);
    lost.disk = backup;
    const oldStore = backup.identity.storeId;
    const said = watchRaftMessages(lost, () => lost.disk.identity.storeId === oldStore);
    await startUnheard(lost, epoch + beyond - backup.identity.epoch - 1);
    await lost.restart();
    expect(lost.disk.identity.epoch).toBe(epoch + beyond);
    await isVoterAgain(lost);
    expect(said).toEqual([]);
    expect(lost.events).toContain('rejoining: behind');
  });
});

describe('a node that was started again and again, and reached nobody', () => {
  it('is welcomed when it does, however often that was: the others know it by the claim by which it took part', async () => {
    const leader = await startedCluster();
    const [node] = cluster.followersOf(leader);
    const { storeId } = node.disk.identity;
    await stop(node);
    await startUnheard(node, 2 * MAX_REMEMBERED_CLAIMS);
    await node.restart();
    await isVoterAgain(node);
    expect(node.disk.identity.storeId).toBe(storeId);
  });

  it.each([
    ['is welcomed while it remembers the last claim that they have seen', MAX_REMEMBERED_CLAIMS - 2, false],
    ['rejoins when it does not: it cannot be told from one that was set back', MAX_REMEMBERED_CLAIMS - 1, true],
  ])('%s', async (_what, unheardStarts, rejoins) => {
    const leader = await startedCluster();
    const [node] = cluster.followersOf(leader);
    const { storeId } = node.disk.identity;
    await stop(node);
    await startInVain(node);
    await startUnheard(node, unheardStarts);
    await node.restart();
    await isVoterAgain(node);
    expect(node.events.includes('rejoining: behind')).toBe(rejoins);
    expect(node.disk.identity.storeId !== storeId).toBe(rejoins);
  });

  it('is welcomed also when all have had to load their stores again and again: nobody is left who could release one', async () => {
    await startedCluster();
    const stores = cluster.nodes.map(({ disk }) => disk.identity.storeId);
    for (const node of cluster.nodes) {
      await stop(node);
      for (let loads = 0; loads < 2 * MAX_REMEMBERED_CLAIMS; loads += 1) node.disk.claim();
    }
    await Promise.all(cluster.nodes.map((node) => node.restart()));
    await write(await cluster.agreedLeader(), 1, 'after');
    expect(await cluster.converged(MANY + 1)).toHaveLength(MANY + 1);
    expect(cluster.nodes.map(({ disk }) => disk.identity.storeId)).toEqual(stores);
  });
});

describe('a node that was away while each of the others was started more often than a store remembers', () => {
  /** One by one, so that the others go on; and what is left is the claim of the last start. */
  async function startOften(...nodes: readonly TestNode[]): Promise<void> {
    for (const node of nodes) {
      for (let starts = 0; starts <= MAX_REMEMBERED_CLAIMS; starts += 1) {
        await stop(node);
        await node.restart();
        await cluster.clock.until(() => phaseOf(node) === 'running');
      }
      // What it remembers is written.
      await cluster.clock.advance(LONG_MS);
    }
  }

  it.each([
    ['takes part again with those that go on', () => Promise.resolve()],
    ['takes part again when all are started with it', (rest: readonly TestNode[]) => Promise.all(rest.map(stop))],
  ])('%s, and is no harm to them', async (_what, before) => {
    const leader = await startedCluster();
    const [away] = cluster.followersOf(leader);
    const stores = cluster.nodes.map(({ disk }) => disk.identity.storeId);
    await stop(away);
    const rest = others(away);
    await startOften(...rest);
    await before(rest);
    await Promise.all([away, ...rest].filter((node) => phaseOf(node) !== 'running').map((node) => node.restart()));
    await cluster.agreedLeader();
    for (const node of cluster.nodes) await stop(node);
    await Promise.all(cluster.nodes.map((node) => node.restart()));
    await write(await cluster.agreedLeader(), 1, 'after');
    expect(await cluster.converged(MANY + 1)).toHaveLength(MANY + 1);
    expect(cluster.nodes.map(({ disk }) => disk.identity.storeId)).toEqual(stores);
  });
});

describe('a learner whose store was wiped', () => {
  it('is sent everything anew, and stays a learner', async () => {
    const leader = await startedCluster();
    const [lost] = cluster.followersOf(leader);
    await cluster.outcome(leader.replica.changeMembership({ type: 'demote', node: lost.id }));
    await stop(lost);
    await lost.restartWiped();
    expect(await cluster.converged(MANY)).toHaveLength(MANY);
    await cluster.clock.advance(LONG_MS);
    expect(isVoterAt(await cluster.agreedLeader(), lost)).toBe(false);
    expect(lost.replica.status()).toMatchObject({ phase: 'running', rejoining: null });
  });
});

describe('a vote that an operator takes after it was regained', () => {
  it('is not asked for again, also after a restart', async () => {
    const leader = await startedCluster();
    const [lost] = cluster.followersOf(leader);
    await stop(lost);
    await lost.restartWiped();
    await isVoterAgain(lost);
    const present = await cluster.agreedLeader();
    await cluster.outcome(present.replica.changeMembership({ type: 'demote', node: lost.id }));
    await stop(lost);
    await lost.restart();
    await cluster.clock.advance(LONG_MS);
    expect(isVoterAt(await cluster.agreedLeader(), lost)).toBe(false);
  });
});
