import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { logIndex, nodeId, term, type LogEntry } from '@latchkey/raft';
import { LogStoreError, type DurableState } from '@latchkey/replica';
import { Client } from 'pg';
import { createDatabase, queryOnce } from '../../../test/support/postgres.js';
import type { Writer } from './checkpoint-save.js';
import { BEGIN_READING } from './log-reader.js';
import { LogSegments } from './log-segments.js';
import { CreateLogSegments1766200000000 } from './migrations/1766200000000-create-log-segments.js';
import { createPostgresStores, type PostgresStores } from './postgres-stores.js';
import { takeBack } from './test-support/older-database.js';
import { randomFrom } from './test-support/seeded-random.js';

const N1 = nodeId('n1');
const MEMBERSHIP = { voters: [N1], votersOutgoing: [], learners: [] };
/** Of writing and compaction. */
const ROUNDS = 40;
const SEED = 20_261_123;
const ROWS_PER_ROUND = 20;
const VERIFIED_BYTES = 1_000;

let url: string;
let stores: PostgresStores;
const opened: PostgresStores[] = [];

beforeEach(async () => {
  url = await createDatabase();
  stores = await loaded();
});

afterEach(() => Promise.all(opened.splice(0).map(({ logStore }) => logStore.close())));

async function loaded(): Promise<PostgresStores> {
  const made = createPostgresStores({ url, nodeId: N1, clusterId: 'orders' });
  opened.push(made);
  await made.logStore.load();
  return made;
}

const positionOf = (index: number) => ({ index: logIndex(index), term: term(1) });

const command = (index: number, byte = index % 251): LogEntry => ({
  type: 'command',
  ...positionOf(index),
  data: new Uint8Array(8).fill(byte),
});

/** Each a row of its own. */
async function append(from: number, to: number): Promise<void> {
  for (let index = from; index <= to; index += 1) {
    await stores.logStore.persist({ hardState: null, truncateFrom: null, entries: [command(index)] });
  }
}

async function compact(index: number): Promise<void> {
  await stores.checkpoints.save({ meta: { ...positionOf(index), membership: MEMBERSHIP }, changes: [] });
  await stores.checkpoints.compactLog(positionOf(index));
}

/** Which entries begin a row, by the table that the row is in. */
async function rowsByTable(): Promise<Record<string, number[]>> {
  const rows = await queryOnce(
    url,
    `SELECT tableoid::regclass::text AS name, array_agg(first_index::int ORDER BY first_index) AS indices
     FROM latchkey.log_batch GROUP BY 1 ORDER BY 1`,
  );
  return Object.fromEntries(
    rows.map(({ name, indices }) => [String(name).replace('latchkey.', ''), indices as number[]]),
  );
}

const numbers = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, at) => from + at);

/** As another process, after the one before has ended. */
async function reopened(): Promise<DurableState> {
  await stores.logStore.close();
  stores = await loaded();
  return stores.logStore.load();
}

const loadedIndices = async (): Promise<number[]> => (await reopened()).entries.map(({ index }) => index);

async function claim(): Promise<Writer> {
  const [row] = await queryOnce(url, 'SELECT owner, epoch FROM latchkey.store');
  return { owner: String(row?.['owner']), epoch: Number(row?.['epoch']) };
}

const copyOfLastRow = (index: number): string => `
  INSERT INTO latchkey.log_segment_1
  SELECT ${index}, ${index}, first_term, last_term, previous_checksum, checksum, bytes
  FROM latchkey.log_segment_1 WHERE first_index = ${index - 1}`;

describe('log in segments', () => {
  it('goes on in the next one after a compaction; the one before is emptied when nothing of it is needed', async () => {
    await append(1, 6);
    expect(await rowsByTable()).toEqual({ log_segment_1: numbers(1, 6) });
    await compact(4);
    await append(7, 9);
    expect(await rowsByTable()).toEqual({ log_segment_1: numbers(1, 6), log_segment_2: numbers(7, 9) });
    await compact(6);
    expect(await rowsByTable()).toEqual({ log_segment_2: numbers(7, 9) });
    await append(10, 10);
    expect(await rowsByTable()).toEqual({ log_segment_2: numbers(7, 9), log_segment_3: [10] });
    expect(await loadedIndices()).toEqual(numbers(7, 10));
  });

  it('goes on in the segment where it ends after a load', async () => {
    await append(1, 3);
    await compact(2);
    await append(4, 5);
    expect(await loadedIndices()).toEqual(numbers(3, 5));
    await append(6, 6);
    expect(await rowsByTable()).toEqual({ log_segment_1: numbers(1, 3), log_segment_2: numbers(4, 6) });
  });

  it('grows where it is while all segments hold something that is needed', async () => {
    await append(1, 3);
    await compact(1);
    await append(4, 5);
    await compact(2);
    await append(6, 7);
    await compact(2);
    await append(8, 8);
    await compact(2);
    await append(9, 9);
    expect(await rowsByTable()).toEqual({
      log_segment_1: numbers(1, 3),
      log_segment_2: numbers(4, 5),
      log_segment_3: numbers(6, 9),
    });
    await compact(5);
    await append(10, 10);
    expect(await rowsByTable()).toEqual({ log_segment_3: numbers(6, 10) });
    await compact(6);
    await append(11, 11);
    expect(await rowsByTable()).toEqual({ log_segment_1: [11], log_segment_3: numbers(6, 10) });
  });

  it('is emptied to the last row when all of it is compacted', async () => {
    await append(1, 5);
    await compact(5);
    expect(await rowsByTable()).toEqual({});
    await append(6, 6);
    expect(await loadedIndices()).toEqual([6]);
  });

  it('that was truncated in an older segment goes on in the newer one, whatever is compacted in between', async () => {
    const random = randomFrom(SEED);
    let [base, last] = [0, 0];
    const bytes = new Map<number, number>();
    for (let round = 0; round < ROUNDS; round += 1) {
      const from = last === base ? last + 1 : base + 1 + random(last - base + 1);
      const entries = numbers(from, from + random(6)).map((index) => command(index, round));
      for (const { index } of entries) bytes.set(index, round);
      await stores.logStore.persist({ hardState: null, truncateFrom: from > last ? null : logIndex(from), entries });
      last = entries.at(-1)?.index ?? last;
      if (random(2) === 0 && last > base) {
        base += 1 + random(last - base);
        await compact(base);
      }
      if (random(5) > 0) continue;
      const durable = await reopened();
      expect(durable.base.index).toBe(base);
      const found = durable.entries.map((entry) => [entry.index, entry.type === 'command' ? entry.data[0] : null]);
      expect(found).toEqual(numbers(base + 1, last).map((index) => [index, bytes.get(index)]));
    }
    expect(last).toBeGreaterThan(ROUNDS);
  });
});

describe('a segment that is waste', () => {
  it('stays while somebody reads the log, who misses nothing; the next compaction empties it', async () => {
    await append(1, 4);
    const reader = new Client({ connectionString: url });
    await reader.connect();
    await reader.query(BEGIN_READING);
    await compact(4);
    const { rows } = await reader.query('SELECT first_index FROM latchkey.log_batch');
    expect(rows).toHaveLength(4);
    await reader.end();
    await append(5, 5);
    await compact(4);
    expect(await rowsByTable()).toEqual({ log_segment_2: [5] });
  });

  it('stays when a write into it was under way', async () => {
    await append(1, 3);
    const late = new Client({ connectionString: url });
    await late.connect();
    await late.query(`BEGIN; ${copyOfLastRow(4)}`);
    await compact(3);
    await late.query('COMMIT');
    await late.end();
    await append(4, 4);
    await stores.checkpoints.compactLog(positionOf(3));
    expect(await rowsByTable()).toEqual({ log_segment_1: numbers(1, 4), log_segment_2: [4] });
  });

  it('stays when a row has come into it by the time that it is locked', async () => {
    await append(1, 3);
    const own = await claim();
    const client = new Client({ connectionString: url });
    await client.connect();
    const query = client.query.bind(client);
    const lateQuery = async (text: string, values?: unknown[]) => {
      if (text.startsWith('LOCK')) await queryOnce(url, copyOfLastRow(4));
      return query(text, values);
    };
    await new LogSegments().dropWaste(Object.assign(client, { query: lateQuery }), 3, own);
    await client.end();
    expect(await rowsByTable()).toEqual({ log_segment_1: numbers(1, 4) });
  });

  it('stays, and the caller is told, when another node has begun another log meanwhile', async () => {
    await append(1, 5);
    await compact(2);
    const own = await claim();
    const successor = await loaded();
    await successor.identity.startAnew({ storeId: 'anew', wantsVoteBack: false, joinedIndex: logIndex(0) });
    await successor.logStore.load();
    stores = successor;
    await append(1, 4);
    const client = new Client({ connectionString: url });
    await client.connect();
    // All of its rows would pass for those up to the cut that the one before knows.
    const dropping = new LogSegments().dropWaste(client, 5, own);
    await expect(dropping).rejects.toThrow(LogStoreError);
    await expect(dropping).rejects.toMatchObject({ code: 'fenced' });
    await client.end();
    expect(await rowsByTable()).toEqual({ log_segment_1: numbers(1, 4) });
    expect(await loadedIndices()).toEqual(numbers(1, 4));
  });
});

describe('a look for damage', () => {
  it('finds none while the log grows and is compacted all the time', async () => {
    const over = new AbortController();
    const write = async () => {
      for (let last = ROWS_PER_ROUND; last <= ROUNDS * ROWS_PER_ROUND; last += ROWS_PER_ROUND) {
        await append(last - ROWS_PER_ROUND + 1, last);
        await compact(last - 5);
      }
      over.abort();
    };
    const look = async () => {
      let rowCount = 0;
      while (!over.signal.aborted) {
        for await (const page of stores.verifier.verify({ maxBytesPerPage: VERIFIED_BYTES })) rowCount += page.rowCount;
      }
      return rowCount;
    };
    const [rowCount] = await Promise.all([look(), write()]);
    expect(rowCount).toBeGreaterThan(ROUNDS);
  });
});

describe('database of a Latchkey that knew no segments', () => {
  it('has its rows read where they are, and emptied when they are waste; new ones go into a segment', async () => {
    await append(1, 3);
    await stores.logStore.close();
    await takeBack(url, CreateLogSegments1766200000000);
    expect(await rowsByTable()).toEqual({ log_batch: numbers(1, 3) });
    expect(await loadedIndices()).toEqual(numbers(1, 3));
    await append(4, 5);
    expect(await rowsByTable()).toEqual({ log_batch: numbers(1, 3), log_segment_1: numbers(4, 5) });
    await compact(2);
    expect(await loadedIndices()).toEqual(numbers(3, 5));
    await compact(4);
    expect(await rowsByTable()).toEqual({ log_segment_1: numbers(4, 5) });
    expect(await loadedIndices()).toEqual([5]);
  });
});
