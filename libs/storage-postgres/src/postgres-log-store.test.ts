import { afterEach, describe, expect, it } from 'vitest';
import { Client } from 'pg';
import { logIndex, nodeId, term, type LogEntry } from '@latchkey/raft';
import { LogStoreError, type PersistBatch } from '@latchkey/replica';
import {
  createDatabase,
  queryOnce,
  restartPostgres,
  testPostgres,
  urlOfDatabase,
} from '../../../test/support/postgres.js';
import { TcpProxy } from '../../../test/support/tcp-proxy.js';
import { DropLogChecks1766000000000 } from './migrations/1766000000000-drop-log-checks.js';
import { createPostgresLogStore, type PostgresLogStore, type PostgresLogStoreOptions } from './postgres-log-store.js';
import { takeBack } from './test-support/older-database.js';

const N1 = nodeId('n1');
const CLUSTER = 'orders';
const LONG_LOG_ROWS = 700;
const LONG_LOG_BATCH = 30;
const ENTRY_BYTES = 300;
/** Long enough for a write that nothing holds up. */
const SHORT_PERSIST_TIMEOUT_MS = 1_000;

const opened: PostgresLogStore[] = [];

afterEach(async () => {
  await Promise.all(opened.splice(0).map((store) => store.close()));
});

function storeAt(
  url: string,
  options: Omit<PostgresLogStoreOptions, 'url'> = { nodeId: N1, clusterId: CLUSTER },
): PostgresLogStore {
  const store = createPostgresLogStore({ ...options, url });
  opened.push(store);
  return store;
}

async function loadedStoreAt(url: string): Promise<PostgresLogStore> {
  const store = storeAt(url);
  await store.load();
  return store;
}

function command(index: number, entryTerm = 1, byteCount = 8): LogEntry {
  return {
    type: 'command',
    index: logIndex(index),
    term: term(entryTerm),
    data: new Uint8Array(byteCount).fill(index),
  };
}

function append(...entries: LogEntry[]): PersistBatch {
  return { hardState: null, truncateFrom: null, entries };
}

async function failureOf(call: Promise<unknown>): Promise<LogStoreError> {
  const error: unknown = await call.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!(error instanceof LogStoreError)) throw new Error(`not a LogStoreError: ${String(error)}`, { cause: error });
  expect(error.message).not.toContain('\n');
  return error;
}

function indicesOf(entries: readonly LogEntry[]): number[] {
  return entries.map(({ index }) => index);
}

/** Checks that Postgres does for each row that is written with a batch of entries. */
async function checksIn(url: string): Promise<unknown[]> {
  const checks = await queryOnce(
    url,
    `SELECT conname AS name FROM pg_constraint
     WHERE contype = 'c' AND conrelid IN ('latchkey.store'::regclass, 'latchkey.log_batch'::regclass) ORDER BY 1`,
  );
  return checks.map(({ name }) => name);
}

/** Changes a setting of the whole server for one story. */
async function withServerSetting(setting: string, value: string, story: () => Promise<void>): Promise<void> {
  const { url } = await testPostgres();
  await queryOnce(url, `ALTER SYSTEM SET ${setting} = ${value}`);
  await queryOnce(url, 'SELECT pg_reload_conf()');
  try {
    await story();
  } finally {
    await queryOnce(url, `ALTER SYSTEM RESET ${setting}`);
    await queryOnce(url, 'SELECT pg_reload_conf()');
  }
}

describe('database that is not ours, FAILURE-MODES 32', () => {
  it('is refused when it belongs to another node or another cluster, naming both', async () => {
    const url = await createDatabase();
    await loadedStoreAt(url);
    const otherNode = await failureOf(storeAt(url, { nodeId: nodeId('n2'), clusterId: CLUSTER }).load());
    expect(otherNode.code).toBe('foreign');
    expect(otherNode.message).toBe(
      'the database belongs to node n1 of cluster orders, not to node n2 of cluster orders',
    );
    const otherCluster = await failureOf(storeAt(url, { nodeId: N1, clusterId: 'billing' }).load());
    expect(otherCluster.code).toBe('foreign');
    expect(otherCluster.message).toContain('cluster billing');
  });

  it('does not fence its owner by being refused', async () => {
    const url = await createDatabase();
    const owner = await loadedStoreAt(url);
    await failureOf(storeAt(url, { nodeId: nodeId('n2'), clusterId: CLUSTER }).load());
    await owner.persist(append(command(1)));
  });

  it('is refused when a newer Latchkey has written it', async () => {
    const url = await createDatabase();
    await loadedStoreAt(url);
    await queryOnce(url, 'UPDATE latchkey.store SET format = 99');
    expect(await failureOf(storeAt(url).load())).toMatchObject({
      code: 'foreign',
      message: expect.stringMatching(/newer Latchkey/),
    });
  });
});

describe('server on which "committed" would not mean durable, FAILURE-MODES 28', () => {
  it.each(['fsync', 'full_page_writes', 'synchronous_commit'])('is refused with %s off, naming it', async (setting) => {
    const url = await createDatabase();
    await withServerSetting(setting, 'off', async () => {
      const error = await failureOf(storeAt(url).load());
      expect(error.code).toBe('unsafe');
      expect(error.message).toContain(`${setting} = off`);
    });
    await loadedStoreAt(url);
  });

  it('is refused when only this database commits asynchronously', async () => {
    const url = await createDatabase();
    const name = new URL(url).pathname.slice(1);
    await queryOnce(url, `ALTER DATABASE ${name} SET synchronous_commit = off`);
    expect(await failureOf(storeAt(url).load())).toMatchObject({ code: 'unsafe' });
  });
});

describe('database that cannot be reached', () => {
  it('says that the password is wrong, and never tells the password', async () => {
    const url = new URL(await createDatabase());
    url.password = 'not-the-password';
    const error = await failureOf(storeAt(url.href).load());
    expect(error.code).toBe('unavailable');
    expect(error.message).toMatch(/password authentication failed/);
    expect(JSON.stringify([error.message, error.stack, String(error.cause)])).not.toContain('not-the-password');
  });

  it('says which database does not exist', async () => {
    const { url } = await testPostgres();
    const error = await failureOf(storeAt(urlOfDatabase(url, 'nowhere')).load());
    expect(error).toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(/database "nowhere" does not exist/),
    });
    expect(error.message).not.toContain(new URL(url).password);
  });

  it('says where nothing listens', async () => {
    const error = await failureOf(storeAt('postgres://user:secret@127.0.0.1:1/name').load());
    expect(error.code).toBe('unavailable');
    expect(error.message).toBe('database user@127.0.0.1:1/name: nothing listens there (ECONNREFUSED)');
  });

  it('does not repeat an address that is none, since the password could be anywhere in it', async () => {
    const error = await failureOf(storeAt('secret').load());
    expect(error).toMatchObject({ code: 'unavailable' });
    expect(error.message).not.toContain('secret');
  });

  it('can be loaded once it is back', async () => {
    const url = await createDatabase();
    const store = await loadedStoreAt(url);
    await store.persist(append(command(1)));
    await restartPostgres();
    const error = await failureOf(store.persist(append(command(2))));
    expect(error.code).toBe('unavailable');
    expect(indicesOf((await store.load()).entries)).toEqual([1]);
    await store.persist(append(command(2)));
    expect(indicesOf((await storeAt(url).load()).entries)).toEqual([1, 2]);
  });
});

describe('connection lost while a batch is written, FAILURE-MODES 27', () => {
  it('leaves the outcome unknown when the answer is lost; the batch is there, and a load shows it', async () => {
    const url = new URL(await createDatabase());
    await using proxy = await TcpProxy.to(Number(url.port));
    url.port = new URL(proxy.url).port;
    const store = await loadedStoreAt(url.href);
    await store.persist(append(command(1)));
    proxy.loseReplies(() => true);
    expect(await failureOf(store.persist(append(command(2))))).toMatchObject({ code: 'outcomeUnknown' });
    proxy.pass();
    expect(indicesOf((await store.load()).entries)).toEqual([1, 2]);
    await store.persist(append(command(3)));
  });

  it('leaves it unknown when the server ends the session in the middle; nothing of the batch is there', async () => {
    const url = await createDatabase();
    const store = await loadedStoreAt(url);
    await store.persist(append(command(1)));
    // A lock on the table holds the write up until its session is ended.
    const ended = queryOnce(
      url,
      `DO $$ BEGIN
         LOCK TABLE latchkey.log_batch IN EXCLUSIVE MODE;
         FOR attempt IN 1..1000 LOOP
           PERFORM pg_stat_clear_snapshot();
           PERFORM pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE datname = current_database() AND wait_event_type = 'Lock';
           EXIT WHEN FOUND;
           PERFORM pg_sleep(0.01);
         END LOOP;
       END $$`,
    );
    await waitForLock(url);
    expect(await failureOf(store.persist(append(command(2))))).toMatchObject({ code: 'outcomeUnknown' });
    await ended;
    expect(indicesOf((await store.load()).entries)).toEqual([1]);
    await store.persist(append(command(2)));
  });

  it('refuses to write on before it has loaded again', async () => {
    const url = new URL(await createDatabase());
    await using proxy = await TcpProxy.to(Number(url.port));
    url.port = new URL(proxy.url).port;
    const store = await loadedStoreAt(url.href);
    proxy.loseReplies(() => true);
    await failureOf(store.persist(append(command(1))));
    await expect(store.persist(append(command(1)))).rejects.toThrow(/before it was loaded/);
  });
});

describe('write that the server does not answer, FAILURE-MODES 30', () => {
  it('is given up as unknown after its time; a load waits for what the old session still does, and reads it', async () => {
    const url = await createDatabase();
    const store = storeAt(url, { nodeId: N1, clusterId: CLUSTER, persistTimeoutMs: SHORT_PERSIST_TIMEOUT_MS });
    await store.load();
    await store.persist(append(command(1)));
    const client = new Client({ connectionString: url });
    await client.connect();
    await client.query('BEGIN; LOCK TABLE latchkey.log_batch IN ACCESS EXCLUSIVE MODE');
    const error = await failureOf(store.persist(append(command(2))));
    expect(error).toMatchObject({ code: 'outcomeUnknown', summary: 'the database does not answer' });
    const loading = store.load();
    await client.end();
    const indices = indicesOf((await loading).entries);
    expect([[1], [1, 2]]).toContainEqual(indices);
    await store.persist(append(command(indices.length + 1)));
    // Nothing of the session that was given up came in between.
    expect(indicesOf((await storeAt(url).load()).entries)).toEqual([...indices, indices.length + 1]);
  });
});

async function waitForLock(url: string): Promise<void> {
  const held = `SELECT 1 FROM pg_locks WHERE mode = 'ExclusiveLock' AND relation = 'latchkey.log_batch'::regclass`;
  while ((await queryOnce(url, held)).length === 0);
}

describe('two processes on one database, FAILURE-MODES 33', () => {
  it('the older one is fenced by its next write and by its next load', async () => {
    const url = await createDatabase();
    const older = await loadedStoreAt(url);
    await older.persist(append(command(1)));
    const younger = await loadedStoreAt(url);
    expect(younger.claim?.epoch).toBeGreaterThan(older.claim?.epoch ?? Number.NaN);
    expect(younger.claim?.storeId).toBe(older.claim?.storeId);
    expect(await failureOf(older.persist(append(command(2))))).toMatchObject({ code: 'fenced' });
    expect(await failureOf(older.load())).toMatchObject({ code: 'fenced' });
    await younger.persist(append(command(2, 2)));
    const { entries } = await storeAt(url).load();
    expect(entries.map((entry) => entry.term)).toEqual([1, 2]);
  });

  it('starting at the same time on a new database, both find a complete store, and one of them owns it', async () => {
    const url = await createDatabase();
    const twins = [storeAt(url), storeAt(url)];
    const loads = await Promise.allSettled(twins.map((store) => store.load()));
    for (const load of loads) {
      if (load.status === 'rejected') expect(load.reason).toMatchObject({ code: 'fenced' });
    }
    const writes = await Promise.allSettled(twins.map((store) => store.persist(append(command(1)))));
    expect(writes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });
});

describe('damaged store, FAILURE-MODES 29', () => {
  async function databaseWithLog(entryTerm = 1): Promise<string> {
    const url = await createDatabase();
    const store = await loadedStoreAt(url);
    await store.persist({
      hardState: { currentTerm: term(3), votedFor: N1 },
      truncateFrom: null,
      entries: [command(1, entryTerm)],
    });
    await store.persist(append(command(2, entryTerm), command(3, entryTerm)));
    await store.persist(append(command(4, entryTerm)));
    await store.close();
    return url;
  }

  it.each([
    ['a flipped byte of an entry', 'SET bytes = set_byte(bytes, 4, 255)', '2 to 3'],
    ['a changed term', 'SET last_term = 2', '2 to 3'],
  ])('with %s is never returned, and the row is named', async (_damage, change, named) => {
    const url = await databaseWithLog();
    await queryOnce(url, `UPDATE latchkey.log_batch ${change} WHERE first_index = 2`);
    const error = await failureOf(storeAt(url).load());
    expect(error.code).toBe('corrupt');
    expect(error.message).toContain(named);
  });

  it('with a lost row in the middle is noticed', async () => {
    const url = await databaseWithLog();
    await queryOnce(url, 'DELETE FROM latchkey.log_batch WHERE first_index = 2');
    expect(await failureOf(storeAt(url).load())).toMatchObject({
      code: 'corrupt',
      message: expect.stringMatching(/rows are missing/),
    });
  });

  it('with a row of another history in the middle is noticed, though the row is whole', async () => {
    const url = await databaseWithLog();
    const columns = 'first_term, last_term, previous_checksum, checksum, bytes';
    const [row] = await queryOnce(
      await databaseWithLog(2),
      `SELECT format('%s, %s, %s, %s, %L', ${columns}) AS values FROM latchkey.log_batch WHERE first_index = 2`,
    );
    await queryOnce(
      url,
      `UPDATE latchkey.log_batch SET (${columns}) = (${String(row?.['values'])}) WHERE first_index = 2`,
    );
    const error = await failureOf(storeAt(url).load());
    expect(error.code).toBe('corrupt');
    expect(error.message).toContain('entries 2 to 3 does not belong behind the row before it');
  });

  it('with a lost last row is not taken for a shorter log', async () => {
    const url = await databaseWithLog();
    await queryOnce(url, 'DELETE FROM latchkey.log_batch WHERE first_index = 4');
    expect(await failureOf(storeAt(url).load())).toMatchObject({
      code: 'corrupt',
      message: expect.stringMatching(/ends with entry 3/),
    });
  });

  it('with another vote than was written is noticed', async () => {
    const url = await databaseWithLog();
    await queryOnce(url, `UPDATE latchkey.store SET voted_for = 'n2'`);
    expect(await failureOf(storeAt(url).load())).toMatchObject({
      code: 'corrupt',
      message: expect.stringMatching(/latchkey.store is damaged/),
    });
  });

  it('without its table is damaged, not new', async () => {
    const url = await databaseWithLog();
    await queryOnce(url, 'DROP TABLE latchkey.log_batch CASCADE');
    expect(await failureOf(storeAt(url).load())).toMatchObject({ code: 'corrupt' });
  });
});

describe('database of a Latchkey that had Postgres check each row of the log', () => {
  it('is taken over by the first load, which ends that', async () => {
    const url = await createDatabase();
    const older = await loadedStoreAt(url);
    await older.persist(append(command(1)));
    await older.close();
    await takeBack(url, DropLogChecks1766000000000);
    expect(await checksIn(url)).toEqual(['log_batch_check', 'store_id_check']);
    const store = storeAt(url);
    expect(indicesOf((await store.load()).entries)).toEqual([1]);
    expect(await checksIn(url)).toEqual([]);
    await store.persist(append(command(2)));
    expect(indicesOf((await store.load()).entries)).toEqual([1, 2]);
  });
});

describe('long log', () => {
  it('comes back whole over many pages', async () => {
    const url = await createDatabase();
    const store = await loadedStoreAt(url);
    for (let row = 0; row < LONG_LOG_ROWS; row += 1) {
      const first = row * LONG_LOG_BATCH + 1;
      const batch = Array.from({ length: LONG_LOG_BATCH }, (_, position) => command(first + position, 1, ENTRY_BYTES));
      await store.persist(append(...batch));
    }
    const { entries } = await storeAt(url).load();
    expect(indicesOf(entries)).toEqual(Array.from({ length: LONG_LOG_ROWS * LONG_LOG_BATCH }, (_, at) => at + 1));
  });
});
