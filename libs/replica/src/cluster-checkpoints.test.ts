import { afterEach, describe, expect, it } from 'vitest';
import { chances } from './test-support/chances.js';
import { TestCluster, type TestNode } from './test-support/test-cluster.js';

const EVERY = 5;
const TRAILING = 3;
/** A checkpoint under way, the entries that stay behind it, and elections in between. */
const MOST_ENTRIES_KEPT = 4 * EVERY + TRAILING;
const WRITES = 60;

let cluster: TestCluster;

async function startCluster(): Promise<TestNode> {
  cluster = new TestCluster(3, { everyEntries: EVERY, trailingEntries: TRAILING });
  await cluster.start();
  return cluster.agreedLeader();
}

async function write(node: TestNode, from: number, to: number): Promise<void> {
  for (let number = from; number <= to; number += 1) await cluster.outcome(node.propose(`p${number}`));
}

const written = (count: number): string[] => Array.from({ length: count }, (_, position) => `p${position + 1}`);

afterEach(async () => {
  const failures = cluster.nodes.map(({ failure }) => failure).filter((failure) => failure !== null);
  await cluster.stop();
  expect(failures).toEqual([]);
});

describe('a cluster with checkpoints', () => {
  it('keeps its logs short, in memory and on disk', async () => {
    const leader = await startCluster();
    await write(leader, 1, WRITES);
    await cluster.converged(WRITES);
    for (const { replica, disk } of cluster.nodes) {
      const { checkpointIndex, appliedIndex, firstLogIndex, lastLogIndex } = replica.status();
      expect(appliedIndex - checkpointIndex).toBeLessThan(2 * EVERY);
      expect(lastLogIndex - firstLogIndex).toBeLessThan(MOST_ENTRIES_KEPT);
      expect(disk.entries.length).toBeLessThan(MOST_ENTRIES_KEPT);
    }
  });

  it('goes on from the checkpoints when one node after the other is restarted', async () => {
    const leader = await startCluster();
    await write(leader, 1, WRITES);
    await cluster.converged(WRITES);
    for (const node of cluster.nodes) {
      const { checkpointIndex } = node.replica.status();
      await cluster.outcome(node.replica.stop());
      await node.restart();
      expect(node.machine.lastIndex).toBe(checkpointIndex);
      await cluster.agreedLeader();
    }
    await write(cluster.nodes[0] ?? leader, WRITES + 1, 2 * WRITES);
    expect(await cluster.converged(2 * WRITES)).toEqual(written(2 * WRITES));
    expect(cluster.nodes.flatMap(({ events }) => events).filter((event) => event.startsWith('snapshot'))).toEqual([]);
  });

  it('goes on from the checkpoints when all nodes are restarted at once', async () => {
    const leader = await startCluster();
    await write(leader, 1, WRITES);
    await cluster.stop();
    await Promise.all(cluster.nodes.map((node) => node.restart()));
    await write(await cluster.agreedLeader(), WRITES + 1, WRITES + 1);
    expect(await cluster.converged(WRITES + 1)).toEqual(written(WRITES + 1));
  });

  it('works on one node alone', async () => {
    cluster = new TestCluster(1, { everyEntries: EVERY, trailingEntries: 0 });
    await cluster.start();
    await write(await cluster.agreedLeader(), 1, WRITES);
    await cluster.stop();
    await cluster.nodes[0]?.restart();
    await cluster.agreedLeader();
    expect(await cluster.converged(WRITES)).toEqual(written(WRITES));
  });
});

describe('a follower that was away for longer than the log reaches back, FAILURE-MODES 20', () => {
  it('is sent the state while writes go on, and follows from there', async () => {
    const leader = await startCluster();
    const [away, other] = cluster.followersOf(leader);
    await write(leader, 1, EVERY);
    cluster.network.isolate(away.id);
    await write(leader, EVERY + 1, WRITES);
    expect(leader.replica.status().firstLogIndex).toBeGreaterThan(away.replica.status().lastLogIndex + 1);
    cluster.network.heal(away.id);
    await write(other, WRITES + 1, 2 * WRITES);
    expect(await cluster.converged(2 * WRITES)).toEqual(written(2 * WRITES));
    expect(away.events.some((event) => event.startsWith('snapshot at'))).toBe(true);
  });

  it('as a process that was down, restarts on its old disk and is sent the state', async () => {
    const leader = await startCluster();
    const [away] = cluster.followersOf(leader);
    await write(leader, 1, EVERY);
    await cluster.outcome(away.replica.stop());
    await write(leader, EVERY + 1, WRITES);
    await away.restart();
    await write(leader, WRITES + 1, WRITES + EVERY);
    expect(await cluster.converged(WRITES + EVERY)).toEqual(written(WRITES + EVERY));
    expect(await cluster.outcome(away.propose('it is back'))).toMatchObject({ text: 'it is back' });
    await cluster.outcome(away.replica.readBarrier());
  });

  it.each([true, false])('survives an installation of unknown outcome (written: %s)', async (isWritten) => {
    const leader = await startCluster();
    const [away] = cluster.followersOf(leader);
    cluster.network.isolate(away.id);
    await write(leader, 1, WRITES);
    away.checkpointStore.failNext('installSnapshot', { code: 'outcomeUnknown', isWritten });
    cluster.network.heal(away.id);
    expect(await cluster.converged(WRITES)).toEqual(written(WRITES));
    await write(leader, WRITES + 1, 2 * WRITES);
    expect(await cluster.converged(2 * WRITES)).toEqual(written(2 * WRITES));
    await cluster.outcome(away.replica.stop());
    await away.restart();
    expect(await cluster.converged(2 * WRITES)).toEqual(written(2 * WRITES));
  });
});

describe('a bad network and bad disks, with a checkpoint every few entries', () => {
  const DROPPED_OF_100 = 5;
  const REPEATED_OF_100 = 10;
  const ROUNDS = 80;

  async function story(
    seed: number,
  ): Promise<{ acknowledged: string[]; applied: readonly string[]; events: string[] }> {
    await startCluster();
    const chance = chances(seed);
    cluster.network.fateOf = () => {
      const number = chance(100);
      if (number < DROPPED_OF_100) return 'drop';
      return number < DROPPED_OF_100 + REPEATED_OF_100 ? 'duplicate' : 'deliver';
    };
    const acknowledged: string[] = [];
    let settledCount = 0;
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const node of cluster.nodes) {
        void node
          .propose(`${node.id}-${round}`)
          .then(({ text }) => acknowledged.push(text))
          .catch(() => undefined)
          .finally(() => (settledCount += 1));
      }
      if (round % 16 === 4) isolateFor(chance(3), 400);
      if (round % 9 === 5) breakStoreOf(chance(3), chance);
      if (round % 20 === 15) await restart(chance(3));
      await cluster.clock.advance(chance(30));
    }
    await cluster.clock.until(() => settledCount === ROUNDS * cluster.nodes.length);
    cluster.network.fateOf = () => 'deliver';
    // Once this is committed, so is everything of unknown outcome before it that ever will be.
    acknowledged.push((await cluster.outcome((await cluster.agreedLeader()).propose('the last'))).text);
    const applied = await cluster.converged(acknowledged.length);
    await restartAll();
    // What is on the disks is what was in memory.
    expect(await cluster.converged(acknowledged.length)).toEqual(applied);
    return { acknowledged, applied, events: cluster.nodes.flatMap(({ events }) => events) };
  }

  async function restartAll(): Promise<void> {
    await cluster.stop();
    await Promise.all(cluster.nodes.map((node) => node.restart()));
    await cluster.agreedLeader();
  }

  function isolateFor(position: number, ms: number): void {
    const id = cluster.ids[position];
    if (id === undefined) return;
    cluster.network.isolate(id);
    cluster.clock.setTimer(ms, () => cluster.network.heal(id));
  }

  function breakStoreOf(position: number, chance: (below: number) => number): void {
    const node = cluster.nodes[position];
    const fault = { code: 'outcomeUnknown', isWritten: chance(2) === 0 } as const;
    const broken = (['save', 'installSnapshot', 'openView', 'compactLog', 'persist'] as const)[chance(5)] ?? 'persist';
    if (broken === 'persist') node?.store.failNextPersist(fault);
    else node?.checkpointStore.failNext(broken, { ...fault, isWritten: broken !== 'openView' && fault.isWritten });
  }

  async function restart(position: number): Promise<void> {
    const node = cluster.nodes[position];
    if (node === undefined) return;
    await cluster.outcome(node.replica.stop());
    await node.restart();
  }

  it.each([1, 2, 3, 4, 5, 6])(
    'applies each proposal at most once, and everything acknowledged (seed %i)',
    async (seed) => {
      const { acknowledged, applied } = await story(seed);
      expect(acknowledged.length).toBeGreaterThan(ROUNDS / 2);
      expect(new Set(applied).size).toBe(applied.length);
      expect(applied).toEqual(expect.arrayContaining(acknowledged));
    },
  );

  it('leads to the same story from the same seed', async () => {
    const first = await story(7);
    await cluster.stop();
    expect(await story(7)).toEqual(first);
  });
});
