import { afterEach, describe, expect, it } from 'vitest';
import { logIndex, nodeId, term, type LogEntry, type SnapshotMeta } from '@latchkey/raft';
import { LogStoreError, type CheckpointStore, type LogStore, type StateRow } from '@latchkey/replica';
import { createDatabase, queryOnce, restartPostgres } from '../../../test/support/postgres.js';
import { TcpProxy } from '../../../test/support/tcp-proxy.js';
import { CreateCheckpoint1764500000000 } from './migrations/1764500000000-create-checkpoint.js';
import { MAX_OPEN_VIEWS, PostgresCheckpointStore } from './postgres-checkpoint-store.js';
import { PostgresLogStore } from './postgres-log-store.js';
import { createPostgresStores, type PostgresStores } from './postgres-stores.js';
import { STORE_FORMAT } from './schema-names.js';
import { takeBack } from './test-support/older-database.js';

const IDENTITY = { nodeId: nodeId('n1'), clusterId: 'orders' };
const ENTRIES = 9;
/** More than a save has statements. */
const MANY_ANSWERS = 30;
const PERSISTS_WHILE_LOCKED = 20;
const VIEWED_ROWS = 2_000;
const PAGE_BYTES = 1_000;
const SHORT_IDLE_MS = 500;

const opened: LogStore[] = [];

afterEach(async () => {
  await Promise.all(opened.splice(0).map((store) => store.close()));
});

async function loadedStores(url: string): Promise<PostgresStores> {
  const stores = createPostgresStores({ ...IDENTITY, url });
  opened.push(stores.logStore);
  await stores.logStore.load();
  return stores;
}

/** With a log of nine entries, each a batch of its own. */
async function filledStores(url: string): Promise<PostgresStores> {
  const stores = await loadedStores(url);
  for (let index = 1; index <= ENTRIES; index += 1) await append(stores, index);
  return stores;
}

function append({ logStore }: { readonly logStore: LogStore }, index: number): Promise<void> {
  return logStore.persist({ hardState: null, truncateFrom: null, entries: [command(index)] });
}

function command(index: number): LogEntry {
  return { type: 'command', index: logIndex(index), term: term(1), data: new Uint8Array(8).fill(index) };
}

function meta(index: number): SnapshotMeta {
  const membership = { voters: [IDENTITY.nodeId], votersOutgoing: [], learners: [] };
  return { index: logIndex(index), term: term(1), membership };
}

function row(key: string, byte: number): StateRow {
  return { key: Buffer.from(key), value: Buffer.alloc(8, byte) };
}

async function readRows(checkpoints: CheckpointStore): Promise<{ readonly index: number; readonly rows: string[] }> {
  const view = await checkpoints.openView();
  if (view === null) throw new Error('there is no checkpoint');
  const rows: string[] = [];
  try {
    for (let page = await view.nextPage(PAGE_BYTES); page !== null; page = await view.nextPage(PAGE_BYTES)) {
      for (const { key, value } of page) rows.push(`${Buffer.from(key).toString()}=${value[0]}`);
    }
  } finally {
    await view.close();
  }
  return { index: view.meta.index, rows };
}

async function failureOf(call: Promise<unknown>): Promise<LogStoreError> {
  const error: unknown = await call.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!(error instanceof LogStoreError)) throw new Error(`not a LogStoreError: ${String(error)}`, { cause: error });
  return error;
}

describe('damaged checkpoint, FAILURE-MODES 29', () => {
  async function damaged(statement: string): Promise<PostgresStores> {
    const url = await createDatabase();
    const stores = await filledStores(url);
    await stores.checkpoints.save({ meta: meta(3), changes: [[row('a', 1), row('b', 2), row('c', 3)]] });
    await stores.checkpoints.save({ meta: meta(5), changes: [[row('b', 12), { key: Buffer.from('c'), value: null }]] });
    expect(await readRows(stores.checkpoints)).toEqual({ index: 5, rows: ['a=1', 'b=12'] });
    await queryOnce(url, statement);
    return stores;
  }

  it.each([
    ['an altered value', `UPDATE latchkey.state_row SET value = set_byte(value, 0, 99) WHERE key = 'b'`, /0x62/],
    ['an altered key', `UPDATE latchkey.state_row SET key = 'bb' WHERE key = 'b'`, /0x6262/],
    ['a lost row', `DELETE FROM latchkey.state_row WHERE key = 'a'`, /1 rows .* than the 2/],
    [
      'a row too many',
      `INSERT INTO latchkey.state_row SELECT 0, 'd', value, 7 FROM latchkey.state_row LIMIT 1`,
      /0x64/,
    ],
    [
      // The checksum of ('b', 2 2 2 2 2 2 2 2), which was there before: each row on its own is as it was once written.
      'a row of an earlier checkpoint',
      `UPDATE latchkey.state_row SET value = decode(repeat('02', 8), 'hex'), checksum = replaced_checksum WHERE key = 'b'`,
      /2 rows with another sum/,
    ],
  ])('with %s is never read to its end', async (_damage, statement, message) => {
    const { checkpoints } = await damaged(statement);
    const error = await failureOf(readRows(checkpoints));
    expect(error.code).toBe('corrupt');
    expect(error.message).toMatch(message);
  });

  it.each([
    ['another place', `UPDATE latchkey.checkpoint SET snapshot_index = 4`],
    ['another base', `UPDATE latchkey.checkpoint SET base_index = 2`],
    ['another membership', `UPDATE latchkey.checkpoint SET membership = set_byte(membership, 3, 65)`],
    ['no row', `DELETE FROM latchkey.checkpoint`],
  ])('with %s in its row is noticed by load and by a save', async (_damage, statement) => {
    const { logStore, checkpoints } = await damaged(statement);
    expect(await failureOf(checkpoints.save({ meta: meta(6), changes: [] }))).toMatchObject({ code: 'corrupt' });
    expect(await failureOf(logStore.load())).toMatchObject({ code: 'corrupt' });
  });

  it('a compacted log that has lost its first row is not taken for one that was compacted further', async () => {
    const url = await createDatabase();
    const { logStore, checkpoints } = await filledStores(url);
    await checkpoints.save({ meta: meta(5), changes: [[row('a', 1)]] });
    await checkpoints.compactLog(meta(4));
    await queryOnce(url, 'DELETE FROM latchkey.log_batch WHERE first_index = 5');
    expect(await failureOf(logStore.load())).toMatchObject({
      code: 'corrupt',
      message: expect.stringMatching(/comes after entry 4: rows are missing/),
    });
  });
});

describe('connection lost in the middle of a save, FAILURE-MODES 27', () => {
  it('leaves all of it or nothing, whichever answer is lost, and the next save makes up for it', async () => {
    const url = new URL(await createDatabase());
    await using proxy = await TcpProxy.to(Number(url.port));
    url.port = new URL(proxy.url).port;
    const { checkpoints } = await filledStores(url.href);
    await checkpoints.save({ meta: meta(1), changes: [[row('a', 0), row('b', 0)]] });
    const codes: string[] = [];
    for (let lostAnswer = 1; lostAnswer < MANY_ANSWERS; lostAnswer += 1) {
      const pages = [[row('a', lostAnswer)], [{ key: Buffer.from(lostAnswer % 2 === 0 ? 'b' : 'c'), value: null }]];
      const added = lostAnswer % 2 === 0 ? row('c', lostAnswer) : row('b', lostAnswer);
      const next = { meta: meta(2), changes: [...pages, [added]] };
      const before = (await readRows(checkpoints)).rows;
      let answers = 0;
      proxy.loseReplies(() => ++answers === lostAnswer);
      const outcome = await checkpoints.save(next).then(
        () => null,
        (error: unknown) => error,
      );
      proxy.pass();
      if (outcome === null) break;
      expect(outcome).toBeInstanceOf(LogStoreError);
      codes.push(outcome instanceof LogStoreError ? outcome.code : '');
      const after = [`a=${lostAnswer}`, `${added.key.toString()}=${lostAnswer}`];
      expect((await readRows(checkpoints)).rows).toEqual(codes.at(-1) === 'outcomeUnknown' ? after : before);
      await checkpoints.save(next);
      expect((await readRows(checkpoints)).rows).toEqual(after);
    }
    // Only that of COMMIT is unknown; all before are known to have changed nothing.
    expect(codes.slice(0, -1).every((code) => code === 'unavailable')).toBe(true);
    expect(codes.at(-1)).toBe('outcomeUnknown');
    expect(codes.length).toBeGreaterThan(4);
  });

  it('a checkpoint store goes on by itself once the database is back', async () => {
    const { logStore, checkpoints } = await filledStores(await createDatabase());
    await checkpoints.save({ meta: meta(2), changes: [[row('a', 1)]] });
    const staging = await checkpoints.stageSnapshot(meta(40));
    await staging.append([row('z', 1)]);
    await restartPostgres();
    await logStore.load();
    await checkpoints.save({ meta: meta(3), changes: [[row('b', 2)]] });
    expect(await readRows(checkpoints)).toEqual({ index: 3, rows: ['a=1', 'b=2'] });
    // Staged rows are durable, and their staging lives as long as the process.
    await staging.append([row('zz', 2)]);
    await checkpoints.installSnapshot({ staging, hardState: null, keepsTail: false });
    expect(await readRows(checkpoints)).toEqual({ index: 40, rows: ['z=1', 'zz=2'] });
  });
});

describe('persists beside checkpoints', () => {
  it('do not wait for a save, a view, or a compaction that is held up in the middle', async () => {
    const url = await createDatabase();
    const stores = await filledStores(url);
    const { checkpoints, logStore } = stores;
    await checkpoints.save({ meta: meta(4), changes: [[row('a', 1)]] });
    const view = await checkpoints.openView();
    let next = ENTRIES + 1;
    const persistSome = async () => {
      for (const last = next + PERSISTS_WHILE_LOCKED; next < last; next += 1) await append(stores, next);
    };
    // The save holds its locks while its rows are made: a log store that needed one of them could not write here.
    const order: string[] = [];
    const save = checkpoints.save({
      meta: meta(5),
      changes: pagesMadeAfter(() => order.push('page'), [[row('a', 2)], [row('b', 3)]]),
    });
    await Promise.all([save.then(() => order.push('saved')), persistSome().then(() => order.push('persisted'))]);
    expect(order.filter((step) => step === 'page')).toHaveLength(2);
    await checkpoints.compactLog(meta(5));
    await persistSome();
    await view?.close();
    const { entries } = await logStore.load();
    expect(entries.map(({ index }) => index)).toEqual(Array.from({ length: next - 6 }, (_, at) => at + 6));
  });

  it('find the row of the store again after a person had its table rewritten', async () => {
    const url = await createDatabase();
    const stores = await filledStores(url);
    await stores.checkpoints.save({ meta: meta(4), changes: [[row('a', 1)]] });
    await queryOnce(url, 'VACUUM FULL latchkey.store');
    await append(stores, ENTRIES + 1);
    await append(stores, ENTRIES + 2);
    expect((await stores.logStore.load()).entries).toHaveLength(ENTRIES + 2);
  });
});

function* pagesMadeAfter(made: () => void, pages: StateRow[][]): Iterable<readonly StateRow[]> {
  for (const page of pages) {
    made();
    yield page;
  }
}

describe('views', () => {
  it('are limited in number, and one that was closed or lost makes room', async () => {
    const url = await createDatabase();
    const { checkpoints } = await filledStores(url);
    await checkpoints.save({ meta: meta(4), changes: [[row('a', 1)]] });
    const views = await Promise.all(Array.from({ length: MAX_OPEN_VIEWS }, () => checkpoints.openView()));
    expect(await failureOf(checkpoints.openView())).toMatchObject({ code: 'unavailable' });
    await views[0]?.close();
    const another = await checkpoints.openView();
    expect(await failureOf(checkpoints.openView())).toMatchObject({ code: 'unavailable' });
    await another?.close();
    expect((await checkpoints.openView())?.meta).toEqual(meta(4));
  });

  it('give each page a turn of the event loop, though the database has answered with many at once', async () => {
    const { checkpoints } = await filledStores(await createDatabase());
    const rows = Array.from({ length: VIEWED_ROWS }, (_, at) => row(`key/${String(at).padStart(5, '0')}`, 1));
    await checkpoints.save({ meta: meta(1), changes: [rows] });
    const view = await checkpoints.openView();
    let turn = 0;
    const count = (): void => {
      turn += 1;
      counting = setImmediate(count);
    };
    let counting = setImmediate(count);
    const turns: number[] = [];
    while ((await view?.nextPage(PAGE_BYTES)) !== null) turns.push(turn);
    clearImmediate(counting);
    await view?.close();
    expect(turns.length).toBeGreaterThan(2);
    expect(new Set(turns).size).toBe(turns.length);
  });

  it('that nobody reads are ended by the server, so that vacuum can go on, and say so', async () => {
    const url = await createDatabase();
    const logStore = new PostgresLogStore({ ...IDENTITY, url });
    const checkpoints = new PostgresCheckpointStore(logStore, SHORT_IDLE_MS);
    logStore.closeTogetherWith(checkpoints);
    opened.push(logStore);
    await logStore.load();
    await append({ logStore }, 1);
    const rows = Array.from({ length: VIEWED_ROWS }, (_, at) => row(`key/${String(at).padStart(5, '0')}`, 1));
    await checkpoints.save({ meta: meta(1), changes: [rows] });
    const view = await checkpoints.openView();
    await view?.nextPage(PAGE_BYTES);
    const sessions = `SELECT 1 FROM pg_stat_activity WHERE application_name = 'latchkey n1 view'`;
    while ((await queryOnce(url, sessions)).length > 0);
    const readOn = async () => {
      while ((await view?.nextPage(PAGE_BYTES)) !== null);
    };
    expect(await failureOf(readOn())).toMatchObject({ code: 'unavailable' });
    await view?.close();
    const again = await checkpoints.openView();
    expect(await again?.nextPage(PAGE_BYTES)).not.toBeNull();
    await again?.close();
  });
});

describe('compaction', () => {
  it('leaves no row behind that nothing refers to: neither log, nor replaced states, nor stagings that were left', async () => {
    const url = await createDatabase();
    const first = await filledStores(url);
    await first.checkpoints.save({ meta: meta(4), changes: [[row('old', 1)]] });
    await (await first.checkpoints.stageSnapshot(meta(30))).append([row('left', 1)]);
    await first.logStore.close();
    const { checkpoints } = await loadedStores(url);
    const staging = await checkpoints.stageSnapshot(meta(20));
    await staging.append([row('new', 2)]);
    await checkpoints.compactLog(meta(3));
    const keys = `SELECT convert_from(key, 'UTF8') AS key FROM latchkey.state_row ORDER BY 1`;
    expect(await queryOnce(url, keys)).toEqual([{ key: 'new' }, { key: 'old' }]);
    await checkpoints.installSnapshot({ staging, hardState: null, keepsTail: false });
    await checkpoints.compactLog(meta(20));
    expect(await queryOnce(url, keys)).toEqual([{ key: 'new' }]);
    expect(await queryOnce(url, 'SELECT first_index FROM latchkey.log_batch')).toEqual([]);
  });

  it('drops what an earlier one could not, after it had moved the base', async () => {
    const url = await createDatabase();
    const first = await filledStores(url);
    await first.checkpoints.save({ meta: meta(ENTRIES), changes: [[row('a', 1)]] });
    // The base moves, and the rows stay: as after a crash between the two.
    await queryOnce(
      url,
      `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no'; END $$;
       CREATE TRIGGER refuse BEFORE TRUNCATE ON latchkey.log_segment_1 EXECUTE FUNCTION refuse()`,
    );
    expect(await failureOf(first.checkpoints.compactLog(meta(ENTRIES)))).toBeInstanceOf(LogStoreError);
    await queryOnce(url, 'DROP TRIGGER refuse ON latchkey.log_segment_1');
    const durable = await first.logStore.load();
    expect(durable).toMatchObject({ base: { index: ENTRIES }, entries: [] });
    expect(await queryOnce(url, 'SELECT first_index FROM latchkey.log_batch')).toHaveLength(ENTRIES);
    await first.checkpoints.compactLog(meta(ENTRIES));
    expect(await queryOnce(url, 'SELECT first_index FROM latchkey.log_batch')).toEqual([]);
  });
});

describe('database of a Latchkey without checkpoints', () => {
  it('is brought up to date by its first load, with its log as it was', async () => {
    const url = await createDatabase();
    const { logStore } = await filledStores(url);
    await logStore.close();
    await takeBack(url, CreateCheckpoint1764500000000);
    const stores = createPostgresStores({ ...IDENTITY, url });
    opened.push(stores.logStore);
    const durable = await stores.logStore.load();
    expect([durable.entries.length, durable.base.index, durable.checkpoint]).toEqual([ENTRIES, 0, null]);
    expect(await queryOnce(url, 'SELECT format FROM latchkey.store')).toEqual([{ format: STORE_FORMAT }]);
    await stores.checkpoints.save({ meta: meta(5), changes: [[row('a', 1)]] });
    await stores.checkpoints.compactLog(meta(5));
    expect((await stores.logStore.load()).entries).toHaveLength(ENTRIES - 5);
  });
});

describe('closing', () => {
  it('ends views and a save under way, which fails, and leaves no session on the server', async () => {
    const url = await createDatabase();
    const { logStore, checkpoints } = await filledStores(url);
    await checkpoints.save({ meta: meta(4), changes: [[row('a', 1)]] });
    await checkpoints.openView();
    const view = checkpoints.openView();
    const save = checkpoints.save({ meta: meta(5), changes: [[row('a', 2)]] });
    const outcomes = Promise.allSettled([view, save]);
    await logStore.close();
    for (const outcome of await outcomes) {
      if (outcome.status === 'rejected') expect(outcome.reason).toBeInstanceOf(LogStoreError);
    }
    const sessions = `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`;
    while ((await queryOnce(url, sessions)).length > 0);
    expect(() => checkpoints.save({ meta: meta(5), changes: [] })).toThrow(/closed/);
  });
});
