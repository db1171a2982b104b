import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LogStoreError, MAX_READ_ROWS, type StateRow } from '@latchkey/replica';
import { queryOnce } from '../../../test/support/postgres.js';
import { MAX_WAITING_LOOKUPS } from './row-lookups.js';
import { keyOf, META, RowDatabase, rowOf, version, VERSIONS } from './test-support/row-database.js';

/** Many pages, a few of which begin and end with each of the rows looked for. */
const MANY = 3_000;
/** Longer than a page may be. */
const LONG_VALUE_BYTES = 100_000;

let database: RowDatabase;

beforeEach(async () => {
  database = await RowDatabase.create();
});

afterEach(() => database.close());

/** Values as the rows would have them, or null. */
async function found(keys: readonly Uint8Array[]): Promise<(string | null)[]> {
  const values = await database.checkpoints.readRows(keys);
  return values.map((value) => (value === null ? null : Buffer.from(value).toString('hex')));
}

const hexOf = (rows: readonly StateRow[]): string[] => rows.map(({ value }) => Buffer.from(value).toString('hex'));

async function connections(): Promise<number> {
  const rows = await queryOnce(
    database.url,
    `SELECT pid FROM pg_stat_activity WHERE application_name = 'latchkey n1 history'`,
  );
  return rows.length;
}

describe('single rows in the database', () => {
  it('are found in every place of a page, in rows of their own, and between pages there is nothing', async () => {
    const even = Array.from({ length: MANY }, (_, at) => version(2 * (at + 1)));
    await database.save(1, [rowOf(META, 0), ...even, version(2 * MANY + 2, LONG_VALUE_BYTES)]);
    // An older row beside the pages, as an update of one leaves it.
    await database.save(2, [version(2, 7)]);
    const all = [rowOf(META, 0), version(2, 7), ...even.slice(1), version(2 * MANY + 2, LONG_VALUE_BYTES)];
    for (let start = 0; start < all.length; start += MAX_READ_ROWS) {
      const part = all.slice(start, start + MAX_READ_ROWS);
      expect(await found(part.map(({ key }) => key))).toEqual(hexOf(part));
    }
    const odd = Array.from({ length: MAX_READ_ROWS }, (_, at) => keyOf(VERSIONS, 2 * at + 1));
    expect(await found(odd)).toEqual(odd.map(() => null));
    expect(await found([keyOf(VERSIONS, 2 * MANY + 3), keyOf(VERSIONS + 1, 0)])).toEqual([null, null]);
  });

  it('that are damaged are told from those that are not there', async () => {
    await database.save(1, [version(1), version(2)]);
    await queryOnce(database.url, `UPDATE latchkey.state_page SET row_values[2] = '\\x00'`);
    expect(await found([keyOf(VERSIONS, 1)])).toEqual(hexOf([version(1)]));
    const error: unknown = await database.checkpoints.readRows([keyOf(VERSIONS, 2)]).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(LogStoreError);
    expect(error).toMatchObject({ code: 'corrupt' });
  });

  it('are given to whoever asked for them, though many share a statement', async () => {
    const all = Array.from({ length: 500 }, (_, at) => version(at + 1, at));
    await database.save(1, all);
    const asked = all.map((row, at) => found([keyOf(VERSIONS, 10_000 + at), row.key]));
    expect(await Promise.all(asked)).toEqual(hexOf(all).map((value) => [null, value]));
  });

  it('are looked for on one connection, however many ask, and on a new one after it was lost', async () => {
    await database.save(1, [version(1)]);
    expect(await connections()).toBe(0);
    await Promise.all(Array.from({ length: 50 }, () => found([keyOf(VERSIONS, 1)])));
    expect(await connections()).toBe(1);
    await queryOnce(
      database.url,
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'latchkey n1 history'`,
    );
    const [first] = await Promise.allSettled([found([keyOf(VERSIONS, 1)])]);
    if (first.status === 'rejected') expect(first.reason).toMatchObject({ code: 'unavailable' });
    expect(await found([keyOf(VERSIONS, 1)])).toEqual(hexOf([version(1)]));
    expect(await connections()).toBe(1);
  });

  it('are refused to whoever comes when too many wait already, and to all once the store is closed', async () => {
    await database.save(1, [version(1)]);
    // One is under way.
    const asked = Array.from({ length: 1 + MAX_WAITING_LOOKUPS + 1 }, () => found([keyOf(VERSIONS, 1)]));
    const answers = await Promise.allSettled(asked);
    expect(answers.filter(({ status }) => status === 'rejected')).toHaveLength(1);
    expect(answers.at(-1)).toMatchObject({ status: 'rejected', reason: { code: 'unavailable' } });
    const late = found([keyOf(VERSIONS, 1)]).catch((reason: unknown) => reason);
    await database.close();
    expect(await late).toMatchObject({ code: 'unavailable' });
  });
});
