import { checkByRevision, checkRegistersBySearch, type AppliedWrite, type Operation } from '@latchkey/linearizability';
import { connect, OutcomeUnknownError, type Latchkey } from '@latchkey/sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestCluster } from '../support/test-cluster.js';
import { waitFor } from '../support/wait-for.js';

const CLIENTS = 4;
const KEYS = 5;
const LEADER_KILLS = 3;
const WRITES_BETWEEN_KILLS = 200;
const LEADER_TRANSFERS = 3;

describe('fail-over under load', () => {
  let cluster: TestCluster;

  beforeAll(async () => {
    cluster = await TestCluster.start();
  });
  afterAll(async () => {
    await cluster[Symbol.asyncDispose]();
  });

  it('loses no acknowledged write, repeats none, and leaves no gap in a watch while leaders are killed', async () => {
    const clients = await Promise.all(
      Array.from({ length: CLIENTS }, (_, position) =>
        connect({ endpoints: rotate(cluster.endpoints, position), requestTimeoutMs: 20_000 }),
      ),
    );
    const watcher = await connect({ endpoints: cluster.endpoints });
    try {
      const watched: AppliedWrite[] = [];
      const watching = collect(watcher, watched);
      const operations: Operation[] = [];
      const load = { running: true };
      const workers = clients.map((client, position) => work(client, `client ${position}`, operations, load));

      for (let kill = 0; kill < LEADER_KILLS; kill += 1) {
        const wanted = operations.length + WRITES_BETWEEN_KILLS;
        await waitFor('more operations', () => (operations.length >= wanted ? true : null), 60_000);
        const leader = await cluster.leader();
        await cluster.kill(leader);
        const afterKill = operations.length + WRITES_BETWEEN_KILLS;
        await waitFor(
          'operations without the killed leader',
          () => (operations.length >= afterKill ? true : null),
          60_000,
        );
        cluster.startNode(leader);
      }
      load.running = false;
      await Promise.all(workers);

      const { revision } = await watcher.kv.put('the/end', 'reached');
      await waitFor('the watch to reach the end', () => ((watched.at(-1)?.revision ?? 0) >= revision ? true : null));
      await watching.return();
      const applied = watched.filter(({ key }) => key.startsWith('load/'));

      expect(operations.length).toBeGreaterThan(2 * LEADER_KILLS * WRITES_BETWEEN_KILLS);
      expect(checkByRevision({ operations, applied })).toEqual([]);
      // The second opinion trusts no revision: only what the clients saw, key by key. Giving up counts as a failure.
      expect(checkRegistersBySearch(operations).findings.map(({ message }) => message)).toEqual([]);
      const again = await history(watcher);
      expect(applied).toEqual(again);
    } finally {
      await Promise.all([...clients, watcher].map((client) => client.close()));
    }
    const statuses = await cluster.settled();
    expect(new Set(statuses.map(({ stateHash }) => stateHash)).size).toBe(1);
  }, 180_000);

  it('leaves a client that writes with the leader, also after the leadership has moved, and one that watches where it was', async () => {
    const writer = await connect({ endpoints: cluster.endpoints });
    const [first = ''] = cluster.endpoints;
    // Of one endpoint there is nowhere to go.
    const bound = await connect({ endpoints: [first] });
    const watcher = await connect({ endpoints: cluster.endpoints });
    const endpointOf = async (client: Latchkey) => (await client.status()).endpoint;
    const watchedAt = await endpointOf(watcher);
    const watch = watcher.kv.watch({ prefix: 'colours/' });
    try {
      for (let count = 0; count < LEADER_TRANSFERS; count += 1) {
        const to = await cluster.follower();
        const answer = await fetch(`${cluster.url(to)}/v1/leadership/transfer`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ to }),
        });
        expect(answer.ok).toBe(true);
        await waitFor('the client to be with the new leader', async () => {
          await Promise.all([writer.kv.put('colours/writer', to), bound.kv.put('colours/bound', to)]);
          return (await endpointOf(writer)) === cluster.url(to) ? true : null;
        });
      }
      expect([await endpointOf(watcher), await endpointOf(bound)]).toEqual([watchedAt, first]);
    } finally {
      await watch.return();
      await Promise.all([writer, bound, watcher].map((client) => client.close()));
    }
  }, 60_000);
});

/** Writes unique values and reads, one at a time, over a few keys; records what it saw. */
async function work(
  client: Latchkey,
  name: string,
  operations: Operation[],
  load: { running: boolean },
): Promise<void> {
  for (let count = 0; load.running; count += 1) {
    const key = `load/${count % KEYS}`;
    if (count % 3 === 2) {
      await read(client, { name, key }, operations);
      continue;
    }
    const value = `${name} #${count}`;
    const invokedAtMs = performance.now();
    try {
      const { revision } = await client.kv.put(key, value);
      const ending = { type: 'ok', returnedAtMs: performance.now(), result: { revision } } as const;
      operations.push({ type: 'write', client: name, key, value, invokedAtMs, ending });
    } catch (error) {
      if (!(error instanceof OutcomeUnknownError)) throw error;
      operations.push({ type: 'write', client: name, key, value, invokedAtMs, ending: { type: 'unknown' } });
    }
  }
}

/** A get does not say at which revision it was answered; a read-only transaction does. */
async function read(client: Latchkey, who: { name: string; key: string }, operations: Operation[]): Promise<void> {
  const { name, key } = who;
  const invokedAtMs = performance.now();
  const { revision, entries } = await client.kv.range({ key });
  const ending = {
    type: 'ok',
    returnedAtMs: performance.now(),
    result: { revision, value: entries[0]?.text() ?? null },
  } as const;
  operations.push({ type: 'read', client: name, key, invokedAtMs, ending });
}

function collect(client: Latchkey, into: AppliedWrite[]): { return(): Promise<unknown> } {
  const events = client.kv.watch({ prefix: '' }, { fromRevision: 1 });
  void (async () => {
    for await (const event of events) {
      into.push({ revision: event.revision, key: event.key, value: event.entry?.text() ?? null });
    }
  })();
  return { return: () => events.return() };
}

/** The same history once more, by a watch that begins now and at the first revision. */
async function history(client: Latchkey): Promise<readonly AppliedWrite[]> {
  const events: AppliedWrite[] = [];
  const watching = collect(client, events);
  await waitFor('the whole history', () => (events.some(({ key }) => key === 'the/end') ? true : null));
  await watching.return();
  return events.filter(({ key }) => key.startsWith('load/'));
}

const rotate = <Item>(items: readonly Item[], by: number): Item[] => [
  ...items.slice(by % items.length),
  ...items.slice(0, by % items.length),
];
