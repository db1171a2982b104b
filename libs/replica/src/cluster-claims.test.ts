import { afterEach, describe, expect, it } from 'vitest';
import { MAX_REMEMBERED_CLAIMS, STORE_CLAIM_INTERVAL_MS } from './limits.js';
import { LogStoreError } from './ports/log-store.js';
import type { PeerMessage } from './ports/peer-transport.js';
import { backupOf, IdentityCluster, LONG_MS, MANY, phaseOf } from './test-support/identity-cluster.js';
import type { TestNode } from './test-support/test-cluster.js';

let cluster: IdentityCluster;

function startedCluster(): Promise<TestNode> {
  cluster = new IdentityCluster();
  return cluster.begun();
}

/** Processes that end before they have reached anybody. */
async function startUnheard(node: TestNode, times: number): Promise<void> {
  cluster.network.isolate(node.id);
  for (let left = times; left > 0; left -= 1) {
    await node.restart();
    expect(phaseOf(node)).toBe('admitting');
    await cluster.stopNode(node);
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
  await cluster.stopNode(node);
  cluster.network.fateOf = () => 'deliver';
}

afterEach(async () => {
  await cluster.stop();
  expect(cluster.nodes.map(({ failure }) => failure).filter((failure) => failure !== null)).toEqual([]);
});

describe('a node whose store was set back to a copy, FAILURE-MODES 32', () => {
  it.each([
    ['once', 1],
    ['twice', 2],
  ])('is told so also by nodes that have restarted since, when it was started %s after the copy', async (_, starts) => {
    const leader = await startedCluster();
    const [lost] = cluster.followersOf(leader);
    const backup = backupOf(lost.disk);
    // Other runs of the process: their claims are remembered durably at once.
    for (let left = starts; left > 0; left -= 1) {
      await cluster.stopNode(lost);
      await lost.restart();
      await cluster.clock.until(() => phaseOf(lost) === 'running');
      await cluster.clock.advance(LONG_MS);
    }
    for (const node of cluster.nodes) await cluster.stopNode(node);
    lost.disk = backup;
    await Promise.all(cluster.nodes.map((node) => node.restart()));
    await cluster.isVoterAgain(lost);
    expect(lost.events).toContain('rejoining: behind');
  });

  it.each([0, 1, 5])('is told so when its epoch has come to the one that they know, and %i beyond', async (beyond) => {
    const leader = await startedCluster();
    const [lost] = cluster.followersOf(leader);
    const backup = backupOf(lost.disk);
    for (let starts = 0; starts < 3; starts += 1) {
      await cluster.stopNode(lost);
      await lost.restart();
      await cluster.clock.until(() => phaseOf(lost) === 'running');
    }
    const { epoch } = lost.disk.identity;
    await cluster.stopNode(lost);
    lost.disk = backup;
    const oldStore = backup.identity.storeId;
    const said = cluster.watchRaftMessages(lost, () => lost.disk.identity.storeId === oldStore);
    await startUnheard(lost, epoch + beyond - backup.identity.epoch - 1);
    await lost.restart();
    expect(lost.disk.identity.epoch).toBe(epoch + beyond);
    await cluster.isVoterAgain(lost);
    expect(said).toEqual([]);
    expect(lost.events).toContain('rejoining: behind');
  });
});

describe('the claim by which a node takes part', () => {
  it.each(['unavailable', 'outcomeUnknown'] as const)('is kept once the store is usable again: %s', async (code) => {
    const leader = await startedCluster();
    const [node] = cluster.followersOf(leader);
    await cluster.stopNode(node);
    node.keepClaimFaults.push(new LogStoreError(code, 'the store is away'), new LogStoreError(code, 'and still is'));
    await node.restart();
    const present = () => node.disk.identity.claims.at(-1);
    await cluster.clock.until(() => phaseOf(node) === 'running');
    expect(present()?.isKept).toBe(false);
    await cluster.clock.advance(3 * STORE_CLAIM_INTERVAL_MS);
    expect(node.keepClaimFaults).toEqual([]);
    expect(present()?.isKept).toBe(true);
  });

  it('is not tried for ever when the store cannot say any more what it was', async () => {
    const leader = await startedCluster();
    const [node] = cluster.followersOf(leader);
    await cluster.stopNode(node);
    const fault = new LogStoreError('corrupt', 'a claim is damaged');
    node.keepClaimFaults.push(fault, fault);
    await node.restart();
    await cluster.clock.until(() => phaseOf(node) === 'running');
    await cluster.clock.advance(3 * STORE_CLAIM_INTERVAL_MS);
    expect(node.keepClaimFaults).toEqual([fault]);
  });
});

describe('a node that was started again and again, and reached nobody', () => {
  it('is welcomed when it does, however often that was: the others know it by the claim by which it took part', async () => {
    const leader = await startedCluster();
    const [node] = cluster.followersOf(leader);
    const { storeId } = node.disk.identity;
    await cluster.stopNode(node);
    await startUnheard(node, 2 * MAX_REMEMBERED_CLAIMS);
    await node.restart();
    await cluster.isVoterAgain(node);
    expect(node.disk.identity.storeId).toBe(storeId);
  });

  it.each([
    ['is welcomed while it remembers the last claim that they have seen', MAX_REMEMBERED_CLAIMS - 2, false],
    ['rejoins when it does not: it cannot be told from one that was set back', MAX_REMEMBERED_CLAIMS - 1, true],
  ])('%s', async (_what, unheardStarts, rejoins) => {
    const leader = await startedCluster();
    const [node] = cluster.followersOf(leader);
    const { storeId } = node.disk.identity;
    await cluster.stopNode(node);
    await startInVain(node);
    await startUnheard(node, unheardStarts);
    await node.restart();
    await cluster.isVoterAgain(node);
    expect(node.events.includes('rejoining: behind')).toBe(rejoins);
    expect(node.disk.identity.storeId !== storeId).toBe(rejoins);
  });

  it('is welcomed also when all have had to load their stores again and again: nobody is left who could release one', async () => {
    await startedCluster();
    const stores = cluster.nodes.map(({ disk }) => disk.identity.storeId);
    for (const node of cluster.nodes) {
      await cluster.stopNode(node);
      for (let loads = 0; loads < 2 * MAX_REMEMBERED_CLAIMS; loads += 1) node.disk.claim();
    }
    await Promise.all(cluster.nodes.map((node) => node.restart()));
    await cluster.write(await cluster.agreedLeader(), 1, 'after');
    expect(await cluster.converged(MANY + 1)).toHaveLength(MANY + 1);
    expect(cluster.nodes.map(({ disk }) => disk.identity.storeId)).toEqual(stores);
  });
});

describe('a node that was away while each of the others was started more often than a store remembers', () => {
  /** One by one, so that the others go on; and what is left is the claim of the last start. */
  async function startOften(...nodes: readonly TestNode[]): Promise<void> {
    for (const node of nodes) {
      for (let starts = 0; starts <= MAX_REMEMBERED_CLAIMS; starts += 1) {
        await cluster.stopNode(node);
        await node.restart();
        await cluster.clock.until(() => phaseOf(node) === 'running');
      }
      // What it remembers is written.
      await cluster.clock.advance(LONG_MS);
    }
  }

  it.each([
    ['takes part again with those that go on', () => Promise.resolve()],
    [
      'takes part again when all are started with it',
      (rest: readonly TestNode[]) => Promise.all(rest.map((node) => cluster.stopNode(node))),
    ],
  ])('%s, and is no harm to them', async (_what, before) => {
    const leader = await startedCluster();
    const [away] = cluster.followersOf(leader);
    const stores = cluster.nodes.map(({ disk }) => disk.identity.storeId);
    await cluster.stopNode(away);
    const rest = cluster.others(away);
    await startOften(...rest);
    await before(rest);
    await Promise.all([away, ...rest].filter((node) => phaseOf(node) !== 'running').map((node) => node.restart()));
    await cluster.agreedLeader();
    for (const node of cluster.nodes) await cluster.stopNode(node);
    await Promise.all(cluster.nodes.map((node) => node.restart()));
    await cluster.write(await cluster.agreedLeader(), 1, 'after');
    expect(await cluster.converged(MANY + 1)).toHaveLength(MANY + 1);
    expect(cluster.nodes.map(({ disk }) => disk.identity.storeId)).toEqual(stores);
  });
});
