import { connect, type Latchkey } from '@latchkey/sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { queryOnce } from '../support/postgres.js';
import { TestCluster } from '../support/test-cluster.js';
import { waitFor } from '../support/wait-for.js';

/** Few, so that nearly all of the history is in a checkpoint. */
const SNAPSHOT_ENTRIES = 20;
const WRITES = 300;
const LONG = 'x'.repeat(200);
/** Together more than the answer to one question holds. */
const LARGE_WRITES = 12;
const LARGE_BYTES = 400_000;
const ANSWER_MS = 10_000;

type Versions = {
  readonly versions: readonly { readonly revision: number; readonly value: string }[];
  readonly more: boolean;
};

describe('history that nodes keep in their databases only', () => {
  let cluster: TestCluster;
  let client: Latchkey;
  /** By revision, what `written/a` was from then on. */
  const written = new Map<number, string>();

  beforeAll(async () => {
    cluster = await TestCluster.start({
      settings: { LATCHKEY_SNAPSHOT_ENTRIES: String(SNAPSHOT_ENTRIES), LATCHKEY_HISTORY_MEMORY_BYTES: '0' },
    });
    client = await connect({ endpoints: cluster.endpoints, requestTimeoutMs: 20_000 });
    for (let count = 0; count < WRITES; count += 1) {
      const value = `${count} ${LONG}`;
      const { revision } = await client.kv.put('written/a', value);
      written.set(revision, value);
    }
    await leftMemory();
  });
  afterAll(async () => {
    await client.close();
    await cluster[Symbol.asyncDispose]();
  });

  const ask = (id: string, path: string): Promise<Response> =>
    fetch(`${cluster.url(id)}${path}`, { signal: AbortSignal.timeout(ANSWER_MS) });

  async function memoryOf(id: string): Promise<number> {
    const text = await (await ask(id, '/metrics')).text();
    return Number(/^latchkey_history_memory_bytes (\d+)$/m.exec(text)?.[1] ?? NaN);
  }

  /** Values leave with the entries that follow their checkpoint. */
  async function leftMemory(): Promise<void> {
    for (const id of cluster.ids) {
      await waitFor(`old values to leave the memory of ${id}`, async () => {
        if ((await memoryOf(id)) <= 2 * SNAPSHOT_ENTRIES * LONG.length) return true;
        await client.kv.put('other', 'x');
        return null;
      });
    }
  }

  async function allIsRead(): Promise<void> {
    for (const id of cluster.ids) {
      for (const [revision, value] of [...written].filter((_, at) => at % 7 === 0)) {
        const response = await ask(id, `/v1/kv/written%2Fa?consistency=serializable&revision=${revision}`);
        expect(await response.json()).toMatchObject({ value, modRevision: revision });
      }
    }
    const seen = new Map<number, string>();
    const [first] = written.keys();
    const watch = client.kv.watch({ prefix: 'written/' }, { fromRevision: first ?? 0 });
    for await (const { revision, entry } of watch) {
      if (entry !== null) seen.set(revision, entry.text());
      if (seen.size === written.size) break;
    }
    expect([...seen]).toEqual([...written]);
  }

  it('is read from there by whoever asks for a revision, or watches from one', allIsRead);

  it('is read from there after a restart, which does not bring it back into memory', async () => {
    await Promise.all(cluster.ids.map((id) => cluster.kill(id)));
    for (const id of cluster.ids) cluster.startNode(id);
    await cluster.leader();
    for (const id of cluster.ids) {
      // The log's tail is applied anew.
      expect(await memoryOf(id)).toBeLessThanOrEqual(2 * SNAPSHOT_ENTRIES * LONG.length);
    }
    await allIsRead();
  });

  it('is read page by page where it is more than fits into an answer', async () => {
    const limits = client.config('large');
    for (let count = 0; count < LARGE_WRITES; count += 1) await limits.set('limits', String(count).padEnd(LARGE_BYTES));
    await leftMemory();
    const history = await limits.history('limits');
    expect(history.map(({ value }) => Number(value))).toEqual(Array.from({ length: LARGE_WRITES }, (_, at) => at));
    const [id = ''] = cluster.ids;
    const page = (await (await ask(id, '/v1/config/large/limits/history')).json()) as Versions;
    expect(page.more).toBe(true);
    const [oldest] = page.versions;
    const before = (await (
      await ask(id, `/v1/config/large/limits/history?before=${oldest?.revision ?? 0}`)
    ).json()) as Versions;
    expect(before.more).toBe(false);
    const values = [...before.versions, ...page.versions].map(({ value }) => Number(value));
    expect(values).toEqual(Array.from({ length: LARGE_WRITES }, (_, at) => at));
  });

  it('is read again after the database has dropped the connection that it is read by', async () => {
    for (const id of cluster.ids) {
      const name = `latchkey ${id} history`;
      await queryOnce(
        cluster.databaseUrl(id),
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '${name}'`,
      );
    }
    await allIsRead();
  });

  it('is not taken from a damaged row: the node answers nothing more, as with any damage', async () => {
    const id = await cluster.follower();
    await queryOnce(
      cluster.databaseUrl(id),
      `UPDATE latchkey.state_page SET row_values[1] = set_byte(row_values[1], 40, 0)
       WHERE last_key = (SELECT min(last_key) FROM latchkey.state_page)`,
    );
    const answers: number[] = [];
    for (const revision of [...written.keys()].slice(0, 60)) {
      const path = `/v1/kv/written%2Fa?consistency=serializable&revision=${revision}`;
      answers.push(
        await ask(id, path).then(
          ({ status }) => status,
          () => 0,
        ),
      );
      if (answers.at(-1) !== 200) break;
    }
    expect([0, 503]).toContain(answers.at(-1));
    await waitFor(`${id} to end`, () =>
      cluster.output(id).includes('the database holds what was never written') ? true : null,
    );
  });
});
