import type { NodeId } from '@latchkey/raft';
import { afterEach, describe, expect, it } from 'vitest';
import { chances } from './test-support/chances.js';
import { TestCluster, type TestNode } from './test-support/test-cluster.js';

const MANY = 500;

let cluster: TestCluster;

async function startCluster(size = 3): Promise<TestNode> {
  cluster = new TestCluster(size);
  await cluster.start();
  return cluster.agreedLeader();
}

afterEach(async () => {
  const failures = cluster.nodes.map(({ failure }) => failure).filter((failure) => failure !== null);
  await cluster.stop();
  expect(failures).toEqual([]);
});

const codeOf = (error: unknown): unknown => (error as { code?: unknown }).code;

describe('a cluster of three', () => {
  it('elects one leader and takes proposals at every node', async () => {
    const leader = await startCluster();
    const [one, two] = cluster.followersOf(leader);
    const outcomes = await cluster.outcome(Promise.all([leader.propose('a'), one.propose('b'), two.propose('c')]));
    expect(outcomes.map(({ text }) => text)).toEqual(['a', 'b', 'c']);
    expect(new Set(outcomes.map(({ index }) => index)).size).toBe(3);
    expect([...(await cluster.converged(3))].sort()).toEqual(['a', 'b', 'c']);
  });

  it('stamps every command with the wall clock of its leader, the same on all nodes', async () => {
    const leader = await startCluster();
    const [follower] = cluster.followersOf(leader);
    await cluster.outcome(follower.propose('a'));
    await cluster.converged(1);
    const stamps = cluster.nodes.map(({ machine }) => machine.commands[0]?.proposedAtMs);
    expect(new Set(stamps).size).toBe(1);
    expect(stamps[0]).toBeGreaterThan(1_700_000_000_000);
  });

  it('keeps the order of one node’s proposals', async () => {
    const leader = await startCluster();
    const [follower] = cluster.followersOf(leader);
    const texts = Array.from({ length: MANY }, (_, number) => `p${number}`);
    await cluster.outcome(Promise.all(texts.map((text) => follower.propose(text))));
    expect(await cluster.converged(MANY)).toEqual(texts);
  });

  it('puts proposals that come together into few messages and few writes', async () => {
    const leader = await startCluster();
    const [follower] = cluster.followersOf(leader);
    let forwards = 0;
    cluster.network.fateOf = (_from, _to, message) => {
      if (message.type === 'forwardProposals') forwards += 1;
      return 'deliver';
    };
    const writesBefore = leader.store.writtenBatches.length;
    leader.store.stall();
    const first = Array.from({ length: MANY }, (_, number) => follower.propose(`a${number}`));
    await cluster.clock.settle();
    await cluster.clock.advance(5);
    const second = Array.from({ length: MANY }, (_, number) => leader.propose(`b${number}`));
    await cluster.clock.advance(5);
    leader.store.release();
    await cluster.outcome(Promise.all([...first, ...second]));
    expect(forwards).toBe(1);
    expect(leader.store.writtenBatches.length - writesBefore).toBe(2);
  });

  it('works alone, too', async () => {
    const leader = await startCluster(1);
    expect(await cluster.outcome(leader.propose('a'))).toMatchObject({ text: 'a' });
    await cluster.outcome(leader.replica.readBarrier());
    await cluster.outcome(leader.replica.confirmLeadership());
  });
});

describe('a leader that dies', () => {
  it('is replaced, and nothing that was acknowledged is lost', async () => {
    const leader = await startCluster();
    const [one, two] = cluster.followersOf(leader);
    for (const text of ['a', 'b', 'c']) await cluster.outcome(one.propose(text));
    const onTheWay = one.propose('on the way');
    await cluster.clock.settle();
    cluster.network.isolate(leader.id);
    expect(codeOf(await cluster.failure(onTheWay))).toBe('OUTCOME_UNKNOWN');
    const survivor = await cluster.agreedLeader([one, two]);
    expect(survivor).not.toBe(leader);
    await cluster.outcome(two.propose('d'));
    const texts = await cluster.converged(4, [one, two]);
    expect(texts.filter((text) => text !== 'on the way')).toEqual(['a', 'b', 'c', 'd']);
  });

  it('commits nothing in a minority, and follows when it is back', async () => {
    const leader = await startCluster();
    const [one, two] = cluster.followersOf(leader);
    await cluster.outcome(leader.propose('before'));
    cluster.network.isolate(leader.id);
    const lost = cluster.failure(leader.propose('lost'));
    expect(codeOf(await lost)).toBe('OUTCOME_UNKNOWN');
    await cluster.agreedLeader([one, two]);
    await cluster.outcome(one.propose('after'));
    expect(codeOf(await cluster.failure(leader.replica.readBarrier()))).toBe('NO_LEADER');
    expect(codeOf(await cluster.failure(leader.replica.confirmLeadership()))).toBe('NO_LEADER');
    expect(codeOf(await cluster.failure(leader.propose('refused')))).toBe('NO_LEADER');
    cluster.network.heal(leader.id);
    expect(await cluster.converged(2)).toEqual(['before', 'after']);
  });

  it('leaves a proposal that waits for a leader to the next one', async () => {
    const leader = await startCluster();
    const [one, two] = cluster.followersOf(leader);
    cluster.network.isolate(leader.id);
    await cluster.clock.advance(2);
    const waiting = one.propose('patient');
    await cluster.agreedLeader([one, two]);
    expect(await cluster.outcome(waiting)).toMatchObject({ text: 'patient' });
  });
});

describe('linearizable reads', () => {
  it('see at every node what was acknowledged anywhere before', async () => {
    const leader = await startCluster();
    for (const node of cluster.nodes) {
      const text = `written before ${node.id} reads`;
      await cluster.outcome(leader.propose(text));
      await cluster.outcome(node.replica.readBarrier());
      expect(node.machine.texts).toContain(text);
    }
  });

  it('share one round when they come together', async () => {
    const leader = await startCluster();
    const [follower] = cluster.followersOf(leader);
    let requests = 0;
    cluster.network.fateOf = (_from, _to, message) => {
      if (message.type === 'raft' && message.message.type === 'readIndexRequest') requests += 1;
      return 'deliver';
    };
    await cluster.outcome(Promise.all(Array.from({ length: MANY }, () => follower.replica.readBarrier())));
    expect(requests).toBe(1);
  });
});

describe('a store that fails', () => {
  it.each([
    ['a leader', 'not written', true, false],
    ['a leader', 'written', true, true],
    ['a follower', 'not written', false, false],
    ['a follower', 'written', false, true],
  ] as const)(
    'under %s with the batch %s costs nothing that was acknowledged',
    async (_who, _how, atLeader, isWritten) => {
      const leader = await startCluster();
      const [follower, other] = cluster.followersOf(leader);
      const victim = atLeader ? leader : follower;
      await cluster.outcome(other.propose('before'));
      victim.store.failNextPersist({ code: 'outcomeUnknown', isWritten });
      victim.store.failNextLoad('unavailable');
      const during = await cluster.settled(other.propose('during'));
      await cluster.clock.until(() => victim.replica.status().phase === 'running');
      await cluster.agreedLeader();
      await cluster.outcome(victim.propose('after'));
      const texts = await cluster.converged(2);
      if ('value' in during) expect(texts).toContain('during');
      expect(texts.filter((text) => text !== 'during')).toEqual(['before', 'after']);
      expect(new Set(texts).size).toBe(texts.length);
    },
  );
});

describe('restarts', () => {
  it('of all nodes keep the data', async () => {
    const leader = await startCluster();
    const texts = Array.from({ length: MANY }, (_, number) => `p${number}`);
    await cluster.outcome(Promise.all(texts.map((text) => leader.propose(text))));
    await cluster.converged(MANY);
    await cluster.stop();
    await Promise.all(cluster.nodes.map((node) => node.restart()));
    await cluster.agreedLeader();
    expect(await cluster.converged(MANY)).toEqual(texts);
  });

  it('of one node bring it back to what the others have', async () => {
    const leader = await startCluster();
    const [victim, other] = cluster.followersOf(leader);
    await cluster.outcome(leader.propose('a'));
    await cluster.outcome(victim.replica.stop());
    await cluster.outcome(other.propose('b'));
    await victim.restart();
    expect(await cluster.converged(2)).toEqual(['a', 'b']);
  });

  it('do not mistake the proposals of the run before for own ones', async () => {
    const leader = await startCluster();
    const [victim] = cluster.followersOf(leader);
    await cluster.outcome(victim.propose('old'));
    await cluster.outcome(victim.replica.stop());
    await victim.restart();
    await cluster.agreedLeader();
    expect(await cluster.outcome(victim.propose('new'))).toMatchObject({ text: 'new' });
    expect(await cluster.converged(2)).toEqual(['old', 'new']);
  });
});

describe('questions to the leader', () => {
  it('are answered by it, from any node', async () => {
    const leader = await startCluster();
    const [follower] = cluster.followersOf(leader);
    const text = new TextDecoder();
    for (const asker of [leader, follower]) {
      const answer = await cluster.outcome(asker.replica.askLeader(new TextEncoder().encode('who?')));
      expect(text.decode(answer)).toBe(`${leader.id} answers ${asker.id}: who?`);
    }
  });
});

describe('a bad network and bad disks', () => {
  const DROPPED_OF_100 = 10;
  const REPEATED_OF_100 = 25;
  const ROUNDS = 60;

  /** Runs one story on a lossy network and gives everything observable. */
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
      if (round % 20 === 10) isolateFor(cluster.ids[chance(3)], 150);
      if (round % 15 === 5) {
        cluster.nodes[chance(3)]?.store.failNextPersist({ code: 'outcomeUnknown', isWritten: chance(2) === 0 });
      }
      await cluster.clock.advance(chance(30));
    }
    await cluster.clock.until(() => settledCount === ROUNDS * cluster.nodes.length);
    cluster.network.fateOf = () => 'deliver';
    await cluster.agreedLeader();
    const applied = await cluster.converged(acknowledged.length);
    return { acknowledged, applied, events: cluster.nodes.flatMap(({ events }) => events) };
  }

  function isolateFor(node: NodeId | undefined, ms: number): void {
    if (node === undefined) return;
    cluster.network.isolate(node);
    cluster.clock.setTimer(ms, () => cluster.network.heal(node));
  }

  it.each([1, 2, 3])('applies each proposal at most once, and everything acknowledged (seed %i)', async (seed) => {
    const { acknowledged, applied } = await story(seed);
    expect(acknowledged.length).toBeGreaterThan(ROUNDS / 2);
    expect(new Set(applied).size).toBe(applied.length);
    expect(applied).toEqual(expect.arrayContaining(acknowledged));
  });

  it('leads to the same story from the same seed', async () => {
    const first = await story(4);
    await cluster.stop();
    expect(await story(4)).toEqual(first);
  });
});
