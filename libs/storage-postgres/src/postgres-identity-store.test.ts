import { Client } from 'pg';
import { afterEach, describe, expect, it } from 'vitest';
import { InvariantViolation, logIndex, nodeId, term, type LogEntry, type SnapshotMeta } from '@latchkey/raft';
import { LogStoreError, type LogStore, type StateRow } from '@latchkey/replica';
import { createDatabase, queryOnce, restartPostgres } from '../../../test/support/postgres.js';
import { TcpProxy } from '../../../test/support/tcp-proxy.js';
import { CreateIdentity1765300000000 } from './migrations/1765300000000-create-identity.js';
import { AddClaims1765800000000 } from './migrations/1765800000000-add-claims.js';
import { AddKnownIndex1765900000000 } from './migrations/1765900000000-add-known-index.js';
import { createPostgresStores, type PostgresStores } from './postgres-stores.js';
import { STORE_FORMAT } from './schema-names.js';
import { takeBack } from './test-support/older-database.js';
import { PEER } from './test-support/peer-record.js';

const IDENTITY = { nodeId: nodeId('n1'), clusterId: 'orders' };
const N2 = nodeId('n2');
const ENTRIES = 9;
const PAGE_BYTES = 1_000;
/** More than `startAnew` has statements. */
const MANY_ANSWERS = 40;
const HEAP_PAGE_BYTES = 8_192;
const ANEW = { storeId: 'anew', wantsVoteBack: true, joinedIndex: logIndex(0) };

const opened: LogStore[] = [];

afterEach(async () => {
  await Promise.all(opened.splice(0).map((store) => store.close()));
});

function storesAt(url: string): PostgresStores {
  const stores = createPostgresStores({ ...IDENTITY, url });
  opened.push(stores.logStore);
  return stores;
}

/** A log of nine entries, each a row of its own, and a checkpoint of two rows. */
async function filledStores(url: string): Promise<PostgresStores> {
  const stores = storesAt(url);
  await stores.logStore.load();
  for (let index = 1; index <= ENTRIES; index += 1) await append(stores, index);
  await stores.checkpoints.save({ meta: meta(5), changes: [[row('a', 1), row('b', 2)]] });
  return stores;
}

function append({ logStore }: { readonly logStore: LogStore }, index: number): Promise<void> {
  const hardState = { currentTerm: term(1), votedFor: IDENTITY.nodeId };
  return logStore.persist({ hardState, truncateFrom: null, entries: [command(index)] });
}

function command(index: number): LogEntry {
  return { type: 'command', index: logIndex(index), term: term(1), data: new Uint8Array(8).fill(index) };
}

function meta(index: number): SnapshotMeta {
  const membership = { voters: [IDENTITY.nodeId], votersOutgoing: [], learners: [] };
  return { index: logIndex(index), term: term(1), membership };
}

const row = (key: string, byte: number): StateRow => ({ key: Buffer.from(key), value: Buffer.alloc(8, byte) });

async function rowCount(url: string, table: string): Promise<unknown> {
  return (await queryOnce(url, `SELECT count(*)::int AS count FROM latchkey.${table}`))[0]?.['count'];
}

async function failureOf(call: Promise<unknown>): Promise<LogStoreError> {
  const error: unknown = await call.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!(error instanceof LogStoreError)) throw new Error(`not a LogStoreError: ${String(error)}`, { cause: error });
  return error;
}

describe('database of a Latchkey without identity', () => {
  it('is taken over by the first load: it keeps its name, log and checkpoint, and is not new', async () => {
    const url = await createDatabase();
    const older = await filledStores(url);
    const before = await older.identity.identify();
    await older.logStore.close();
    await takeBack(url, CreateIdentity1765300000000);
    expect(await queryOnce(url, 'SELECT format FROM latchkey.store')).toEqual([{ format: 2 }]);
    const { logStore, checkpoints, identity } = storesAt(url);
    const durable = await logStore.load();
    expect([durable.entries.length, durable.checkpoint?.index]).toEqual([ENTRIES, 5]);
    const view = await checkpoints.openView();
    expect(await view?.nextPage(PAGE_BYTES)).toHaveLength(2);
    const found = await identity.identify();
    expect(found).toEqual({ ...before, epoch: before.epoch + 1, claims: found.claims });
    expect(found).toMatchObject({ isNew: false, founders: null, wantsVoteBack: false, peers: [] });
    expect(await queryOnce(url, 'SELECT format FROM latchkey.store')).toEqual([{ format: STORE_FORMAT }]);
  });
});

describe('database of a Latchkey without marks', () => {
  it('is taken over by the first load: what it remembers of others has none, and its claims begin', async () => {
    const url = await createDatabase();
    const older = await filledStores(url);
    const unmarked = { ...PEER, mark: null, knownIndex: logIndex(0) };
    await older.identity.rememberFounders([IDENTITY.nodeId, N2]);
    await older.identity.rememberPeers([unmarked]);
    const before = await older.identity.identify();
    await older.logStore.close();
    await takeBack(url, AddClaims1765800000000);
    expect(await queryOnce(url, 'SELECT format FROM latchkey.store')).toEqual([{ format: 6 }]);
    const { logStore, identity, verifier } = storesAt(url);
    await logStore.load();
    const found = await identity.identify();
    const epoch = before.epoch + 1;
    expect(found).toEqual({ ...before, epoch, claims: [{ epoch, mark: expect.any(Number) }], peers: [unmarked] });
    for await (const page of verifier.verify({ maxBytesPerPage: PAGE_BYTES })) expect(page.rowCount).toBeGreaterThan(0);
    await identity.rememberPeers([PEER]);
    expect((await identity.identify()).peers).toEqual([PEER]);
    expect(await queryOnce(url, 'SELECT format FROM latchkey.store')).toEqual([{ format: STORE_FORMAT }]);
  });
});

describe('database of a Latchkey that did not remember of which memberships it knew', () => {
  it('is taken over by the first load: it knew of none', async () => {
    const url = await createDatabase();
    const older = await filledStores(url);
    const unplaced = { ...PEER, knownIndex: logIndex(0) };
    await older.identity.rememberPeers([unplaced]);
    await older.logStore.close();
    await takeBack(url, AddKnownIndex1765900000000);
    expect(await queryOnce(url, 'SELECT format FROM latchkey.store')).toEqual([{ format: 7 }]);
    const { logStore, identity } = storesAt(url);
    await logStore.load();
    expect((await identity.identify()).peers).toEqual([unplaced]);
    await identity.rememberPeers([PEER]);
    expect((await identity.identify()).peers).toEqual([PEER]);
    expect(await queryOnce(url, 'SELECT format FROM latchkey.store')).toEqual([{ format: STORE_FORMAT }]);
  });
});

describe('who the store is cannot be read, FAILURE-MODES 29', () => {
  it('without its row a store is damaged and not new; nothing says any more whose it is', async () => {
    const url = await createDatabase();
    await (await filledStores(url)).logStore.close();
    await queryOnce(url, 'DELETE FROM latchkey.store');
    const { logStore, identity } = storesAt(url);
    const lost = { code: 'corrupt', message: expect.stringMatching(/latchkey\.store has lost its row/) };
    expect(await failureOf(logStore.load())).toMatchObject(lost);
    expect(await failureOf(identity.identify())).toMatchObject(lost);
    expect(await failureOf(identity.startAnew(ANEW))).toMatchObject(lost);
    expect(await rowCount(url, 'store')).toBe(0);
  });

  it.each([
    ['an altered founder', `UPDATE latchkey.identity SET founders = '{n1,n3}'`, /latchkey\.identity is damaged/],
    ['no founders', `UPDATE latchkey.identity SET founders = NULL`, /latchkey\.identity is damaged/],
    ['a founder without a name', `UPDATE latchkey.identity SET founders = '{""}'`, /latchkey\.identity is damaged/],
    ['a lost row', `DELETE FROM latchkey.identity`, /latchkey\.identity has lost its row/],
    ['an altered peer', `UPDATE latchkey.peer SET last_index = 6`, /the row of n2 in latchkey\.peer is damaged/],
    ['an altered mark of a peer', `UPDATE latchkey.peer SET mark = 8`, /the row of n2 in latchkey\.peer is damaged/],
    ['a lost mark of a peer', `UPDATE latchkey.peer SET mark = NULL`, /the row of n2 in latchkey\.peer is damaged/],
    [
      'an altered place of a membership',
      `UPDATE latchkey.peer SET known_index = 5`,
      /the row of n2 in latchkey\.peer is/,
    ],
    ['an altered mark', `UPDATE latchkey.claim SET mark = mark + 1 WHERE epoch = 2`, /the row of claim 2 in latchkey/],
    ['a mark that is no number', `UPDATE latchkey.claim SET mark = -1 WHERE epoch = 1`, /mark of claim 1/],
    ['a claim that is said to be kept', `UPDATE latchkey.claim SET kept = true`, /the row of claim 1 in latchkey/],
    ['an altered claim', `UPDATE latchkey.claim SET epoch = 9 WHERE epoch = 1`, /the row of claim 9 in latchkey/],
    ['a claim lost in the middle', `DELETE FROM latchkey.claim WHERE epoch = 2`, /latchkey\.claim is damaged: rows/],
    ['a lost present claim', `DELETE FROM latchkey.claim WHERE epoch = 3`, /latchkey\.claim is damaged: rows/],
    ['no claims', `DELETE FROM latchkey.claim`, /latchkey\.claim is damaged: rows/],
    ['a smaller epoch', `UPDATE latchkey.store SET epoch = 2`, /latchkey\.claim is damaged: rows/],
  ])('with %s it is damaged, and names the row', async (_damage, statement, message) => {
    const url = await createDatabase();
    const { logStore, identity } = await filledStores(url);
    await logStore.load();
    await logStore.load();
    await identity.rememberFounders([IDENTITY.nodeId, N2]);
    await identity.rememberPeers([PEER]);
    await queryOnce(url, statement);
    const error = await failureOf(identity.identify());
    expect(error.code).toBe('corrupt');
    expect(error.message).toMatch(message);
  });

  it.each([2, 1_000])(
    'with the epoch of its store altered to %i it is damaged, also once it was claimed again',
    async (epoch) => {
      const url = await createDatabase();
      const { logStore, identity } = await filledStores(url);
      for (let loads = 0; loads < 3; loads += 1) await logStore.load();
      await queryOnce(url, 'UPDATE latchkey.store SET epoch = $1', [epoch]);
      await queryOnce(url, 'UPDATE latchkey.checkpoint SET epoch = $1', [epoch]);
      await logStore.load();
      expect(await failureOf(identity.identify())).toMatchObject({
        code: 'corrupt',
        message: expect.stringMatching(/latchkey\.claim is damaged: rows are missing, or there are too many/),
      });
    },
  );

  it('with damaged claims a claim is not kept, and they are gone with the history that is given up', async () => {
    const url = await createDatabase();
    const { logStore, identity } = await filledStores(url);
    await queryOnce(url, 'UPDATE latchkey.claim SET mark = mark + 1');
    expect(await failureOf(identity.keepClaim(1))).toMatchObject({ code: 'corrupt' });
    await identity.startAnew(ANEW);
    await logStore.load();
    const { claims, epoch } = await identity.identify();
    expect(claims.map((claim) => claim.epoch)).toEqual([epoch - 1, epoch]);
  });

  it('founders that are written once more are no harm, others are a bug', async () => {
    const { identity } = await filledStores(await createDatabase());
    await identity.rememberFounders([IDENTITY.nodeId, N2]);
    await identity.rememberFounders([IDENTITY.nodeId, N2]);
    await expect(identity.rememberFounders([N2])).rejects.toThrow(InvariantViolation);
  });
});

describe('giving up a history', () => {
  it('leaves no row of it, and its owner must load before it writes', async () => {
    const url = await createDatabase();
    const stores = await filledStores(url);
    await stores.identity.startAnew(ANEW);
    expect([await rowCount(url, 'log_batch'), await rowCount(url, 'state_row')]).toEqual([0, 0]);
    expect(stores.logStore.claim).toBeNull();
    await expect(append(stores, ENTRIES + 1)).rejects.toThrow(InvariantViolation);
    expect((await stores.logStore.load()).entries).toEqual([]);
    expect(stores.logStore.claim?.storeId).toBe('anew');
  });

  it('is all or nothing, whichever answer of the server is lost', async () => {
    const url = new URL(await createDatabase());
    await using proxy = await TcpProxy.to(Number(url.port));
    url.port = new URL(proxy.url).port;
    const { logStore, identity } = await filledStores(url.href);
    const { storeId } = await identity.identify();
    const codes: string[] = [];
    for (let lostAnswer = 1; lostAnswer < MANY_ANSWERS; lostAnswer += 1) {
      let answers = 0;
      proxy.loseReplies(() => ++answers === lostAnswer);
      const outcome = await identity.startAnew(ANEW).then(
        () => null,
        (error: unknown) => error,
      );
      proxy.pass();
      const { entries } = await logStore.load();
      const isAnew = outcome === null || (outcome instanceof LogStoreError && outcome.code === 'outcomeUnknown');
      expect([(await identity.identify()).storeId, entries.length]).toEqual(isAnew ? ['anew', 0] : [storeId, ENTRIES]);
      if (isAnew) break;
      expect(outcome).toBeInstanceOf(LogStoreError);
      codes.push(outcome instanceof LogStoreError ? outcome.code : '');
    }
    expect(codes.length).toBeGreaterThan(4);
    expect(codes.every((code) => code === 'unavailable')).toBe(true);
  });

  it('ends the views that are open, which are told that they are lost and not that they are damaged', async () => {
    const url = await createDatabase();
    const { checkpoints, identity } = await filledStores(url);
    const view = await checkpoints.openView();
    await identity.startAnew(ANEW);
    expect(await rowCount(url, 'state_row')).toBe(0);
    expect(view === null ? null : await failureOf(view.nextPage(PAGE_BYTES))).toMatchObject({ code: 'unavailable' });
    await view?.close();
  });

  it('does not wait for a person who looks at the tables: what cannot be emptied at once is waste', async () => {
    const url = await createDatabase();
    const { logStore, checkpoints, identity } = await filledStores(url);
    const person = new Client({ connectionString: url });
    await person.connect();
    await person.query('BEGIN; SELECT FROM latchkey.state_row; SELECT FROM latchkey.log_batch');
    await identity.startAnew(ANEW);
    expect((await logStore.load()).entries).toEqual([]);
    expect([await rowCount(url, 'log_batch'), await rowCount(url, 'state_row')]).toEqual([0, 2]);
    expect(await checkpoints.openView()).toBeNull();
    await person.end();
    await append({ logStore }, 1);
    await checkpoints.save({ meta: meta(1), changes: [[row('c', 3)]] });
    await checkpoints.compactLog({ index: logIndex(1), term: term(1) });
    expect([await rowCount(url, 'log_batch'), await rowCount(url, 'state_row')]).toEqual([0, 1]);
  });

  it('works on tables whose pages the disk has spoiled, and compaction works afterwards', async () => {
    const url = await createDatabase();
    const first = await filledStores(url);
    const { storeId } = await first.identity.identify();
    await first.logStore.close();
    for (const table of ['log_segment_1', 'state_row']) await spoil(url, table);
    await restartPostgres();
    const { logStore, checkpoints, identity } = storesAt(url);
    expect(await failureOf(logStore.load())).toMatchObject({ code: 'corrupt' });
    expect(await identity.identify()).toMatchObject({ storeId, isNew: false });
    await identity.startAnew(ANEW);
    expect((await logStore.load()).entries).toEqual([]);
    await append({ logStore }, 1);
    await checkpoints.save({ meta: meta(1), changes: [[row('c', 3)]] });
    await checkpoints.compactLog({ index: logIndex(1), term: term(1) });
    expect(await rowCount(url, 'state_row')).toBe(1);
  });
});

/** Past the tables: the server writes a file of its own over, and notices once it has forgotten what was in it. */
async function spoil(url: string, table: string): Promise<void> {
  await queryOnce(url, 'CHECKPOINT');
  const garbage = [Buffer.alloc(HEAP_PAGE_BYTES, 0xa5)];
  const [made] = await queryOnce(url, 'SELECT lo_from_bytea(0, $1) AS id', garbage);
  await queryOnce(url, 'SELECT lo_export($1, pg_relation_filepath($2))', [made?.['id'], `latchkey.${table}`]);
}

describe('closing', () => {
  it('ends a call under way, which fails, and leaves no session on the server', async () => {
    const url = await createDatabase();
    const { logStore, identity } = await filledStores(url);
    const call = identity.identify();
    const outcome = Promise.allSettled([call]);
    await logStore.close();
    for (const each of await outcome) {
      if (each.status === 'rejected') expect(each.reason).toBeInstanceOf(LogStoreError);
    }
    const sessions = `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`;
    while ((await queryOnce(url, sessions)).length > 0);
    await expect(identity.identify()).rejects.toThrow(/closed/);
  });
});
