import { afterEach, describe, expect, it } from 'vitest';
import { logIndex, nodeId, term, type LogEntry, type SnapshotMeta } from '@latchkey/raft';
import { LogStoreError, type LogStore, type StateRow, type VerifiedPage } from '@latchkey/replica';
import { createDatabase, queryOnce } from '../../../test/support/postgres.js';
import { createPostgresStores, type PostgresStores } from './postgres-stores.js';
import { checksumOfRow } from './row-totals.js';
import { PEER } from './test-support/peer-record.js';

const IDENTITY = { nodeId: nodeId('n1'), clusterId: 'orders' };
const ENTRIES = 9;
const STATE_ROWS = 40;
const STATE_TABLES = 'latchkey.state_row and latchkey.state_page';
/** One row a page, and all rows in one. */
const SMALL_PAGE_BYTES = 1;
const LARGE_PAGE_BYTES = 256 * 1024;

const opened: LogStore[] = [];

afterEach(async () => {
  await Promise.all(opened.splice(0).map((store) => store.close()));
});

/** Entries 3 to 9 in the log, a row each; a checkpoint at 5 of forty rows; one peer. */
async function filledStores(url: string): Promise<PostgresStores> {
  const stores = createPostgresStores({ ...IDENTITY, url });
  opened.push(stores.logStore);
  await stores.logStore.load();
  for (let index = 1; index <= ENTRIES; index += 1) await append(stores, index);
  const rows = Array.from({ length: STATE_ROWS }, (_, at) => row(nameOf(at), at));
  await stores.checkpoints.save({ meta: meta(4), changes: [rows] });
  await stores.checkpoints.save({ meta: meta(5), changes: [[row(nameOf(3), 99)]] });
  await stores.checkpoints.compactLog(meta(2));
  await stores.identity.rememberPeers([PEER]);
  return stores;
}

const nameOf = (at: number): string => `key/${String(at).padStart(3, '0')}`;

function append({ logStore }: { readonly logStore: LogStore }, index: number, entryTerm = 1): Promise<void> {
  const truncateFrom = entryTerm === 1 ? null : logIndex(index);
  const data = new Uint8Array(8).fill(index);
  const entry: LogEntry = { type: 'command', index: logIndex(index), term: term(entryTerm), data };
  return logStore.persist({ hardState: null, truncateFrom, entries: [entry] });
}

function meta(index: number): SnapshotMeta {
  const membership = { voters: [IDENTITY.nodeId], votersOutgoing: [], learners: [] };
  return { index: logIndex(index), term: term(1), membership };
}

const row = (key: string, byte: number): StateRow => ({ key: Buffer.from(key), value: Buffer.alloc(8, byte) });

const APPENDS_PER_PAGE = 3;

async function verified(
  { verifier }: PostgresStores,
  maxBytesPerPage: number,
  meanwhile: (pageNumber: number) => Promise<void> = async () => undefined,
): Promise<VerifiedPage[]> {
  const pages: VerifiedPage[] = [];
  for await (const page of verifier.verify({ maxBytesPerPage })) {
    pages.push(page);
    await meanwhile(pages.length);
  }
  return pages;
}

async function damageFoundIn(stores: PostgresStores): Promise<LogStoreError> {
  const error: unknown = await verified(stores, LARGE_PAGE_BYTES).then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!(error instanceof LogStoreError)) throw new Error(`not a LogStoreError: ${String(error)}`, { cause: error });
  return error;
}

describe('verifying a store that is as it was written', () => {
  it('looks at every row once, in pages of the size that was asked for', async () => {
    const stores = await filledStores(await createDatabase());
    const large = await verified(stores, LARGE_PAGE_BYTES);
    expect(large).toEqual([
      { table: 'latchkey.identity', rowCount: 3, byteCount: 0 },
      { table: 'latchkey.log_batch', rowCount: 7, byteCount: expect.any(Number) },
      { table: STATE_TABLES, rowCount: STATE_ROWS, byteCount: STATE_ROWS * 15 },
      { table: STATE_TABLES, rowCount: STATE_ROWS, byteCount: 0 },
    ]);
    const small = await verified(stores, SMALL_PAGE_BYTES);
    expect(small.filter(({ byteCount }) => byteCount > 0).map(({ rowCount }) => rowCount)).toEqual(
      Array.from({ length: 7 + STATE_ROWS }, () => 1),
    );
  });

  it('finds nothing in an empty one', async () => {
    const stores = createPostgresStores({ ...IDENTITY, url: await createDatabase() });
    opened.push(stores.logStore);
    await stores.logStore.load();
    const pages = await verified(stores, LARGE_PAGE_BYTES);
    // The identity and its claim.
    expect(pages.reduce((sum, { rowCount }) => sum + rowCount, 0)).toBe(2);
  });

  it('takes nothing for damage that is written, truncated, compacted, or replaced as a whole between two pages', async () => {
    const stores = await filledStores(await createDatabase());
    let next = ENTRIES + 1;
    const replaced: number[] = [];
    await verified(stores, SMALL_PAGE_BYTES, async (pageNumber) => {
      if (pageNumber === 4) await append(stores, 5, 2);
      if (pageNumber === 4) next = 6;
      await append(stores, next, 2);
      next += 1;
      const index = Math.max(5, next - 1);
      if (pageNumber % 5 === 0) {
        const gone = { key: Buffer.from(nameOf(pageNumber)), value: null };
        await stores.checkpoints.save({
          meta: { ...meta(index), term: term(2) },
          changes: [[row('key/a', pageNumber), gone]],
        });
      }
      if (pageNumber === 10) await stores.checkpoints.compactLog({ index: logIndex(index), term: term(2) });
      if (pageNumber === 25) {
        const staging = await stores.checkpoints.stageSnapshot(meta(1_000));
        await staging.append([row('key/x', 1), row('key/y', 2)]);
        await stores.checkpoints.installSnapshot({ staging, hardState: null, keepsTail: false });
        next = 1_001;
        replaced.push(pageNumber);
      }
    });
    expect(replaced).toHaveLength(1);
    await verified(stores, LARGE_PAGE_BYTES);
  });

  it('comes to the end of the log, and to the state behind it, though entries are appended all the time', async () => {
    const stores = await filledStores(await createDatabase());
    let next = ENTRIES + 1;
    const pages = await verified(stores, LARGE_PAGE_BYTES, async () => {
      for (let count = 0; count < APPENDS_PER_PAGE; count += 1) await append(stores, next++);
    });
    expect(pages.filter(({ table }) => table === 'latchkey.log_batch')).toHaveLength(1);
    expect(pages.filter(({ table }) => table === STATE_TABLES)).toHaveLength(2);
  });

  it('goes on with the new log after the history was given up in the middle', async () => {
    const stores = await filledStores(await createDatabase());
    const pages = await verified(stores, SMALL_PAGE_BYTES, async (pageNumber) => {
      if (pageNumber !== 4) return;
      await stores.identity.startAnew({ storeId: 'anew', wantsVoteBack: true, joinedIndex: logIndex(0) });
      await stores.logStore.load();
      for (let index = 1; index <= 3; index += 1) await append(stores, index);
    });
    expect(pages.filter(({ table }) => table === 'latchkey.log_batch')).toHaveLength(3 + 3);
  });
});

describe('damage that nobody has read yet, FAILURE-MODES 29 and 34', () => {
  it.each([
    [
      'a flipped bit in a log row',
      `UPDATE latchkey.log_batch SET bytes = set_bit(bytes, 40, 1 - get_bit(bytes, 40)) WHERE first_index = 7`,
      /latchkey\.log_batch: the log row with the entries 7 to 7 is damaged/,
    ],
    [
      'a lost log row',
      `DELETE FROM latchkey.log_batch WHERE first_index = 6`,
      /latchkey\.log_batch: the log row with the entries 7 to 7 comes after entry 5: rows are missing/,
    ],
    [
      'a lost first log row',
      `DELETE FROM latchkey.log_batch WHERE first_index = 3`,
      /latchkey\.log_batch: .* comes after entry 2/,
    ],
    [
      'a lost last log row',
      `DELETE FROM latchkey.log_batch WHERE first_index = 9`,
      /latchkey\.log_batch: the log ends with entry 8/,
    ],
    [
      'a log row too many',
      `INSERT INTO latchkey.log_batch SELECT 10, 10, first_term, last_term, checksum, checksum, bytes
       FROM latchkey.log_batch WHERE first_index = 9`,
      /latchkey\.log_batch: the log row with the entries 10 to 10 is damaged/,
    ],
    [
      'another vote',
      `UPDATE latchkey.store SET voted_for = 'n3'`,
      /latchkey\.log_batch: the row of latchkey\.store is damaged/,
    ],
    [
      'another checkpoint',
      `UPDATE latchkey.checkpoint SET snapshot_index = 6`,
      /the row of latchkey\.checkpoint is damaged/,
    ],
    [
      'a flipped bit in a row of the state',
      `UPDATE latchkey.state_row SET value = set_bit(value, 9, 1 - get_bit(value, 9)) WHERE key = 'key/007'`,
      /latchkey\.state_row and latchkey\.state_page: .* its row 0x6b65792f303037 does not fit/,
    ],
    [
      'an altered key of a row of the state',
      `UPDATE latchkey.state_row SET key = 'key/0077' WHERE key = 'key/007'`,
      /latchkey\.state_row and latchkey\.state_page: .* its row 0x6b65792f30303737 does not fit/,
    ],
    [
      'a lost row of the state',
      `DELETE FROM latchkey.state_row WHERE key = 'key/007'`,
      /latchkey\.state_row and latchkey\.state_page: .* 39 rows .* than the 40/,
    ],
    [
      'a row of the state as it was before',
      `UPDATE latchkey.state_row SET value = decode(repeat('03', 8), 'hex'), checksum = replaced_checksum
       WHERE key = 'key/003'`,
      /latchkey\.state_row and latchkey\.state_page: .* 40 rows with another sum than the 40/,
    ],
    ['an altered peer', `UPDATE latchkey.peer SET term = 1`, /latchkey\.identity: the row of n2 in latchkey\.peer/],
    [
      'an altered claim',
      `UPDATE latchkey.claim SET mark = 1`,
      /latchkey\.identity: the row of claim 1 in latchkey\.claim/,
    ],
    ['a lost claim', `DELETE FROM latchkey.claim`, /latchkey\.identity: latchkey\.claim is damaged: rows are missing/],
    ['an altered identity', `UPDATE latchkey.identity SET wants_vote_back = true`, /the row of latchkey\.identity/],
  ])('%s is found, and named', async (_damage, statement, message) => {
    const url = await createDatabase();
    const stores = await filledStores(url);
    await queryOnce(url, statement);
    const error = await damageFoundIn(stores);
    expect(error.code).toBe('corrupt');
    expect(error.message).toMatch(message);
  });

  it('a row that fits its checksum, but that no node has saved, is one too many', async () => {
    const url = await createDatabase();
    const stores = await filledStores(url);
    const { key, value } = row('key/new', 1);
    const insert = 'INSERT INTO latchkey.state_row (generation, key, value, checksum) VALUES (0, $1, $2, $3)';
    await queryOnce(url, insert, [key, value, checksumOfRow(key, value)]);
    expect((await damageFoundIn(stores)).message).toMatch(/41 rows with another sum than the 40/);
  });
});

describe('a pass that cannot go on', () => {
  it('says that the store was taken over by another process', async () => {
    const url = await createDatabase();
    const stores = await filledStores(url);
    const other = createPostgresStores({ ...IDENTITY, url });
    opened.push(other.logStore);
    await other.logStore.load();
    expect((await damageFoundIn(stores)).code).toBe('fenced');
  });

  it('ends with its store, and leaves no session on the server', async () => {
    const url = await createDatabase();
    const stores = await filledStores(url);
    const pages = verified(stores, SMALL_PAGE_BYTES, async (pageNumber) => {
      if (pageNumber === 3) await stores.logStore.close();
    });
    await expect(pages).rejects.toMatchObject({ code: 'unavailable' });
    const sessions = `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`;
    while ((await queryOnce(url, sessions)).length > 0);
  });

  it('that is left in the middle gives its connection back', async () => {
    const url = await createDatabase();
    const { verifier } = await filledStores(url);
    for await (const page of verifier.verify({ maxBytesPerPage: SMALL_PAGE_BYTES })) {
      if (page.table === 'latchkey.log_batch') break;
    }
    const sessions = `SELECT 1 FROM pg_stat_activity WHERE application_name = 'latchkey n1 verify' AND datname = current_database()`;
    while ((await queryOnce(url, sessions)).length > 0);
  });
});
