import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { logIndex, term } from '@latchkey/raft';
import { LogStoreError, type CheckpointStore, type StateRow, type StateRowChange } from '@latchkey/replica';
import { queryOnce } from '../../../test/support/postgres.js';
import { CreatePages1765600000000 } from './migrations/1765600000000-create-pages.js';
import { GoneKeys } from './gone-keys.js';
import { MAX_STATEMENT_ROWS } from './row-batches.js';
import { REMOVE } from './state-pages.js';
import { takeBack } from './test-support/older-database.js';
import { keyOf, META, metaOf, OUTCOMES, RowDatabase, rowOf, version, VERSIONS } from './test-support/row-database.js';
import { randomFrom } from './test-support/seeded-random.js';

const VIEW_BYTES = 30_000;
const MANY = 3_000;
const SEED = 20_261_121;
const ROUNDS = 15;
const PAGES_OF_GONE = 20;
/** Enough of them that go are worth a vacuum. */
const MANY_VERSIONS = 100_000;
const PAGE_OF_CHANGES = 500;
const SHORT_VALUE_BYTES = 20;
const SWEPT_ROUNDS = 6;
const WAIT = { timeout: 20_000, interval: 20 };
/** Of some 1,200 pages, which compared with each other would be more than a million. */
const VERSIONS_TAKEN_FOR_NONE = 60_000;
/** Longer than a page may be. */
const LONG_VALUE_BYTES = 100_000;

let database: RowDatabase;

beforeEach(async () => {
  database = await RowDatabase.create();
});

afterEach(() => database.close());

const gone = (number: number): StateRowChange => ({ key: keyOf(VERSIONS, number), value: null });
const numbers = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, at) => from + at);

async function readRows(checkpoints: CheckpointStore = database.checkpoints): Promise<StateRow[]> {
  const view = await checkpoints.openView();
  if (view === null) throw new Error('there is no checkpoint');
  const rows: StateRow[] = [];
  try {
    for (let page = await view.nextPage(VIEW_BYTES); page !== null; page = await view.nextPage(VIEW_BYTES)) {
      for (const { key, value } of page) rows.push({ key: Buffer.from(key), value: Buffer.from(value) });
    }
  } finally {
    await view.close();
  }
  return rows;
}

/** A look for damage, to its end. @throws LogStoreError */
async function verify(): Promise<void> {
  let rowCount = 0;
  for await (const page of database.stores.verifier.verify({ maxBytesPerPage: VIEW_BYTES })) rowCount += page.rowCount;
  expect(rowCount).toBeGreaterThan(0);
}

async function count(from: string): Promise<number> {
  return Number((await queryOnce(database.url, `SELECT count(*) AS count FROM ${from}`))[0]?.['count']);
}
const pagesCount = () => count('latchkey.state_page');
const rowsCount = () => count('latchkey.state_row');

/** Since the database was made, by statements of sessions that have ended. */
async function pagesSeen(): Promise<number> {
  const [row] = await queryOnce(
    database.url,
    `SELECT (seq_tup_read + idx_tup_fetch)::int AS seen FROM pg_stat_user_tables WHERE relname = 'state_page'`,
  );
  return Number(row?.['seen']);
}

async function failureOf(call: Promise<unknown>): Promise<LogStoreError> {
  const error: unknown = await call.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!(error instanceof LogStoreError)) throw new Error(`not a LogStoreError: ${String(error)}`, { cause: error });
  return error;
}

type PlanNode = {
  readonly 'Actual Rows'?: number;
  readonly 'Actual Loops'?: number;
  readonly 'Rows Removed by Filter'?: number;
  readonly 'Rows Removed by Join Filter'?: number;
  readonly Plans?: readonly PlanNode[];
};

/** By all steps of a statement that has run, those included that were looked at in vain. */
function rowsLookedAt(answer: unknown): number {
  const ofNode = (node: PlanNode): number => {
    const perLoop = [node['Actual Rows'], node['Rows Removed by Filter'], node['Rows Removed by Join Filter']];
    const own = perLoop.reduce<number>((sum, rows) => sum + (rows ?? 0), 0) * (node['Actual Loops'] ?? 1);
    return (node.Plans ?? []).reduce((sum, plan) => sum + ofNode(plan), own);
  };
  const [{ Plan: plan }] = answer as [{ readonly Plan: PlanNode }];
  return ofNode(plan);
}

describe('versions of keys', () => {
  it('leave the event loop free between a thousand keys that go and the next thousand', async () => {
    let turn = 0;
    let isSaved = false;
    const count = (): void => {
      turn += 1;
      if (!isSaved) setImmediate(count);
    };
    const turns: number[] = [];
    const changes = {
      *[Symbol.iterator]() {
        for (let page = 0; page < PAGES_OF_GONE; page += 1) {
          turns.push(turn);
          yield numbers(page * MAX_STATEMENT_ROWS, (page + 1) * MAX_STATEMENT_ROWS).map(gone);
        }
      },
    };
    setImmediate(count);
    await database.checkpoints.save({ meta: metaOf(1), changes });
    isSaved = true;
    expect(turns).toHaveLength(PAGES_OF_GONE);
    expect(new Set(turns).size).toBe(PAGES_OF_GONE);
  });

  it('lie many to a row, among the other rows in the order of their keys', async () => {
    const versions = numbers(1, MANY).map((number) => version(number));
    await database.save(3, [rowOf(META, 0), ...versions, rowOf(OUTCOMES, 1)]);
    expect(await readRows()).toEqual([rowOf(META, 0), ...versions, rowOf(OUTCOMES, 1)]);
    expect(await rowsCount()).toBe(2);
    expect(await pagesCount()).toBeLessThan(MANY / 40);
    await verify();
  });

  it('of any length come back whole', async () => {
    const rows = [
      version(1),
      version(2, 0),
      version(3, LONG_VALUE_BYTES),
      version(4, 7_000),
      version(5, 7_000),
      version(6),
    ];
    await database.save(3, rows);
    expect(await readRows()).toEqual(rows);
    await verify();
  });

  it('leave their page when they go, which goes with the last of them', async () => {
    await database.save(
      3,
      numbers(0, MANY).map((number) => version(number)),
    );
    const before = await pagesCount();
    const survivors = numbers(0, MANY).filter((number) => number % 100 === 0);
    await database.save(
      4,
      numbers(0, MANY)
        .filter((number) => number % 100 !== 0)
        .map(gone),
    );
    expect(await readRows()).toEqual(survivors.map((number) => version(number)));
    await database.save(5, survivors.slice(0, -1).map(gone));
    expect(await readRows()).toEqual(survivors.slice(-1).map((number) => version(number)));
    expect(await pagesCount()).toBe(1);
    expect(before).toBeGreaterThan(1);
    await verify();
  });

  it('are saved once, though their checkpoint is saved again, before or after another start', async () => {
    const rows = numbers(0, MANY).map((number) => version(number));
    await database.save(3, rows);
    await database.save(4, [gone(7), version(MANY)]);
    await database.save(4, [gone(7), version(MANY)]);
    await database.stores.logStore.load();
    await database.save(4, [gone(7), version(MANY)]);
    expect(await readRows()).toEqual([...rows.slice(0, 7), ...rows.slice(8), version(MANY)]);
    await verify();
  });

  it('of a transaction that was not committed are not there', async () => {
    await database.save(3, [version(1)]);
    const changes = {
      *[Symbol.iterator]() {
        yield numbers(2, MANY).map((number) => version(number));
        throw new Error('the machine has failed');
      },
    };
    await expect(database.checkpoints.save({ meta: metaOf(4), changes })).rejects.toThrow(/could not give the rows/);
    expect(await readRows()).toEqual([version(1)]);
    await database.save(5, [version(2), version(3)]);
    expect(await readRows()).toEqual([1, 2, 3].map((number) => version(number)));
  });

  it('may come in any order and change, which no state machine does, and are what was saved last', async () => {
    const random = randomFrom(SEED);
    const model = new Map<number, StateRow>();
    let next = 1;
    for (let round = 1; round <= ROUNDS; round += 1) {
      const changes = new Map<number, StateRowChange>();
      for (const known of model.keys()) if (random(5) === 0) changes.set(known, gone(known));
      for (let some = random(10); some > 0; some -= 1) {
        const number = random(next);
        changes.set(number, version(number, random(300)));
      }
      for (let some = random(400); some > 0; some -= 1, next += 1 + random(3))
        changes.set(next, version(next, random(400)));
      for (const [number, { key, value }] of changes) {
        if (value === null) model.delete(number);
        else model.set(number, { key, value });
      }
      await database.save(round, [...changes.values()]);
      const expected = [...model].sort(([left], [right]) => left - right).map(([, row]) => row);
      expect(await readRows()).toEqual(expected);
    }
    expect(await pagesCount()).toBeGreaterThan(ROUNDS);
    await verify();
  });

  it('are taken out without comparing every page with every other, though the server takes the table for empty', async () => {
    const rounds = [0, 1].map((round) =>
      numbers(round * VERSIONS_TAKEN_FOR_NONE, (round + 1) * VERSIONS_TAKEN_FOR_NONE),
    );
    const [first = [], second = []] = rounds;
    await database.save(
      3,
      first.map((number) => version(number)),
    );
    await database.save(4, first.map(gone));
    await queryOnce(database.url, 'VACUUM (TRUNCATE FALSE) latchkey.state_page');
    await database.save(
      5,
      second.map((number) => version(number)),
    );
    const going = new GoneKeys();
    going.add(second.map((number) => keyOf(VERSIONS, number)));
    const [generation] = await queryOnce(database.url, 'SELECT generation FROM latchkey.checkpoint');
    const values = [generation?.['generation'], going.toParameter(), going.least, going.greatest];
    const [answer] = await queryOnce(database.url, `EXPLAIN (ANALYZE, FORMAT JSON) ${REMOVE}`, values);
    // It is run, and not only planned.
    expect(await pagesCount()).toBe(0);
    expect(rowsLookedAt(answer?.['QUERY PLAN'])).toBeLessThan(10 * VERSIONS_TAKEN_FOR_NONE);
  });

  it('are no samples for statistics, which no statement rests on', async () => {
    await database.save(
      3,
      numbers(1, MANY).map((number) => version(number)),
    );
    await queryOnce(database.url, 'ANALYZE latchkey.state_page');
    const sampled = `SELECT attname::text AS name FROM pg_stats WHERE schemaname = 'latchkey' AND tablename = 'state_page' ORDER BY 1`;
    expect(await queryOnce(database.url, sampled)).toEqual([{ name: 'generation' }, { name: 'last_key' }]);
    expect(await count(`pg_class WHERE relname = 'state_page' AND reltuples > 0`)).toBe(1);
  });

  it('are read each once, however many parts that takes, by a server that has no statistics of them', async () => {
    await queryOnce(database.url, 'ALTER TABLE latchkey.state_page SET (autovacuum_enabled = off)');
    await database.save(
      3,
      numbers(0, VERSIONS_TAKEN_FOR_NONE).map((number) => version(number)),
    );
    // As the node does it: from then on the server knows how many pages there are, and nothing of their keys.
    await queryOnce(database.url, 'VACUUM (TRUNCATE FALSE) latchkey.state_page');
    const seenBefore = await pagesSeen();
    expect(await readRows()).toHaveLength(VERSIONS_TAKEN_FOR_NONE);
    const pages = await pagesCount();
    // The server counts for a session when that has ended.
    const seen = await vi.waitFor(async () => {
      const since = (await pagesSeen()) - seenBefore;
      expect(since).toBeGreaterThanOrEqual(pages);
      return since;
    }, WAIT);
    expect(seen).toBeLessThan(3 * pages);
  });

  it('take the space of those that went, whether the server looks after that or not', async () => {
    await queryOnce(database.url, 'ALTER TABLE latchkey.state_page SET (autovacuum_enabled = off)');
    const sizeOf = async (): Promise<number> => {
      const [row] = await queryOnce(database.url, `SELECT pg_relation_size('latchkey.state_page')::int AS size`);
      return Number(row?.['size']);
    };
    const pages = (from: number, rows: (at: number) => StateRowChange): StateRowChange[][] =>
      numbers(0, MANY_VERSIONS / PAGE_OF_CHANGES).map((page) =>
        numbers(from + page * PAGE_OF_CHANGES, from + (page + 1) * PAGE_OF_CHANGES).map(rows),
      );
    let sizeOfOne = 0;
    for (let round = 0; round < SWEPT_ROUNDS; round += 1) {
      const first = round * MANY_VERSIONS;
      const going = round === 0 ? [] : pages(first - MANY_VERSIONS, gone);
      const changes = [...going, ...pages(first, (at) => version(at, SHORT_VALUE_BYTES))];
      await database.checkpoints.save({ meta: metaOf(round + 2), changes });
      await database.checkpoints.compactLog({ index: logIndex(round + 1), term: term(1) });
      sizeOfOne ||= await sizeOf();
    }
    expect(await sizeOf()).toBeLessThan(3 * sizeOfOne);
  }, 60_000);
});

describe('a snapshot', () => {
  it('is staged in pages, which take the place of those before it and go on growing', async () => {
    await database.save(3, [version(1), version(2)]);
    const staging = await database.checkpoints.stageSnapshot(metaOf(5));
    const rows = [rowOf(META, 0), ...numbers(1, MANY).map((number) => version(number)), rowOf(OUTCOMES, 1)];
    for (let start = 0; start < rows.length; start += 700) await staging.append(rows.slice(start, start + 700));
    expect(await readRows()).toEqual([version(1), version(2)]);
    await database.checkpoints.installSnapshot({
      staging,
      hardState: { currentTerm: term(1), votedFor: null },
      keepsTail: true,
    });
    await database.stores.logStore.load();
    expect(await readRows()).toEqual(rows);
    await database.save(6, [gone(5), version(MANY)]);
    const left = rows.filter((row) => row.key !== rows[5]?.key);
    expect(await readRows()).toEqual([...left.slice(0, -1), version(MANY), ...left.slice(-1)]);
    await verify();
    await database.checkpoints.compactLog(metaOf(4));
    expect(await count('latchkey.state_page WHERE generation = 0')).toBe(0);
  });

  it('that is discarded leaves no page', async () => {
    await database.save(3, [version(1)]);
    const staging = await database.checkpoints.stageSnapshot(metaOf(5));
    await staging.append(numbers(1, MANY).map((number) => version(number)));
    await staging.discard();
    expect([await pagesCount(), await rowsCount()]).toEqual([1, 0]);
  });
});

describe('damaged page, FAILURE-MODES 29', () => {
  it.each([
    ['an altered value', `row_values[3] = set_byte(row_values[3], 0, 99)`, /0x040000000000000003/],
    ['an altered key', `row_keys[3] = set_byte(row_keys[3], 12, 66)`, /0x040000000000000003/],
    [
      "two values in each other's place",
      `row_values[3] = row_values[4], row_values[4] = row_values[3]`,
      /does not fit/,
    ],
    ['a lost value', `row_values = row_values[1:cardinality(row_values) - 1]`, /57 keys, 56 values and 57 checksums/],
    [
      'a lost row',
      `row_keys = row_keys[2:], row_values = row_values[2:], row_checksums = row_checksums[2:]`,
      /2998 rows/,
    ],
    ['a lost key', `row_keys = row_keys[1:cardinality(row_keys) - 1]`, /56 keys, 57 values and 57 checksums/],
    ['no key where one was', `row_keys[3] = NULL`, /a part of it is missing/],
    ['keys in a table of their own', `row_keys = ARRAY[row_keys]`, /2 dimensions/],
    [
      "two rows in each other's place",
      `row_keys[3] = row_keys[4], row_keys[4] = row_keys[3], row_values[3] = row_values[4], row_values[4] = row_values[3],
       row_checksums[3] = row_checksums[4], row_checksums[4] = row_checksums[3]`,
      /out of order/,
    ],
  ])('with %s is never read to its end, and is found by a look for damage', async (_damage, change, message) => {
    await database.save(
      3,
      numbers(1, MANY + 1)
        .map((number) => version(number))
        .slice(0, 2_999),
    );
    await queryOnce(
      database.url,
      `UPDATE latchkey.state_page SET ${change} WHERE last_key = (SELECT last_key FROM latchkey.state_page ORDER BY last_key LIMIT 1)`,
    );
    for (const read of [readRows, verify]) {
      const error = await failureOf(read());
      expect(error.code).toBe('corrupt');
      expect(error.message).toMatch(message);
    }
  });

  it('with a row that lies in the other table as well is never read to its end', async () => {
    await database.save(3, [version(1), version(2), version(3)]);
    await queryOnce(
      database.url,
      `INSERT INTO latchkey.state_row (generation, key, value, checksum)
       SELECT generation, row_keys[2], row_values[2], row_checksums[2] FROM latchkey.state_page`,
    );
    for (const read of [readRows, verify]) expect(await failureOf(read())).toMatchObject({ code: 'corrupt' });
  });

  it('that is lost is noticed', async () => {
    await database.save(
      3,
      numbers(0, MANY).map((number) => version(number)),
    );
    await queryOnce(
      database.url,
      `DELETE FROM latchkey.state_page WHERE last_key = (SELECT last_key FROM latchkey.state_page ORDER BY last_key LIMIT 1)`,
    );
    expect(await failureOf(readRows())).toMatchObject({ code: 'corrupt' });
    expect(await failureOf(verify())).toMatchObject({ code: 'corrupt' });
  });
});

describe('a database of a Latchkey that knew no pages', () => {
  it('keeps its versions where they are until they go; new ones lie in pages', async () => {
    const rows = [rowOf(META, 0), ...numbers(1, MANY).map((number) => version(number))];
    await database.save(3, rows);
    await database.close();
    await takeBack(database.url, CreatePages1765600000000);
    expect(await rowsCount()).toBe(rows.length);
    await database.reopen();
    expect(await readRows()).toEqual(rows);
    await database.save(4, [...numbers(1, MANY - 1).map(gone), version(MANY), version(MANY + 1)]);
    expect(await readRows()).toEqual([rowOf(META, 0), ...[MANY - 1, MANY, MANY + 1].map((number) => version(number))]);
    expect([await rowsCount(), await pagesCount()]).toEqual([2, 1]);
    await verify();
  });
});
