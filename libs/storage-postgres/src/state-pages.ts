import type { StateRow } from '@latchkey/replica';
import type { ClientBase } from 'pg';
import { bigintArray, byteaArray } from './binary-array.js';
import type { GoneKeys } from './gone-keys.js';
import { runLean } from './lean-statement.js';
import type { RowBytes } from './row-bytes.js';
import { checksumOfRow, totalsOf, type RowTotals } from './row-totals.js';
import { safeIntegerFrom } from './safe-integer.js';
import { CHECKPOINT_TABLE, PAGE_TABLE, ROW_TABLE } from './schema-names.js';
import { ANSWER_TIMEOUT_MS } from './store-connection.js';

/**
 * Versions of keys (libs/state-machine/src/state-rows.ts) are nearly all that a checkpoint writes, come in the order of their
 * keys, and never change until they go. They lie many to a row of `state_page`: what costs is the number of rows, which an
 * index, the log of the server and its vacuum have to do with each, and not so much their bytes.
 *
 * The pages of a generation do not overlap, and a key is either in a page or in `state_row`. Every row may lie in `state_row`.
 */
const PAGED_SECTION = 4;
const FIRST_PAGED_KEY = Buffer.of(PAGED_SECTION);
const FIRST_KEY_BEHIND = Buffer.of(PAGED_SECTION + 1);

/** So that a page fits into one of the server's, of 8,160 bytes, with its own key and the headers of the arrays. */
const MAX_PAGE_BYTES = 7_800;
/** In the arrays: two lengths with their padding, and the checksum. */
const ROW_OVERHEAD_BYTES = 22;
/** Bounds what is taken apart when one row of a page goes. */
const MAX_PAGE_ROWS = 64;

const LAST_KEYS = `
    (SELECT last_key FROM ${PAGE_TABLE} WHERE generation = $1 ORDER BY last_key DESC LIMIT 1)
    UNION ALL
    (SELECT key FROM ${ROW_TABLE} WHERE generation = $1 AND key >= $2 AND key < $3 ORDER BY key DESC LIMIT 1)`;

/** A process that was fenced must not add to what may be another's by now. */
const APPEND = {
  name: 'latchkey-pages-append-2',
  text: `
    WITH added AS (
      INSERT INTO ${PAGE_TABLE} (generation, last_key, row_keys, row_values, row_checksums)
      SELECT $1, ($2::bytea[])[p.last], ($2::bytea[])[p.first:p.last], ($3::bytea[])[p.first:p.last],
             ($4::bigint[])[p.first:p.last]
      FROM (SELECT first::integer, last::integer FROM unnest($5::bigint[], $6::bigint[]) AS n(first, last)) AS p
      WHERE EXISTS (SELECT FROM ${CHECKPOINT_TABLE} WHERE epoch = $7)
      RETURNING generation)
    SELECT count(*) FROM added`,
};

/**
 * Only the keys of the pages between $3 and $4 are looked at; a page from which some rows go is written anew. The server must
 * not be free to choose: it does not know how many pages there are, as after a vacuum of nearly none, nor how many keys. So pages
 * are found again by their `ctid`, and not by a join, which could compare every page with every other; and `IN` in an
 * expression is a hash table in every plan, though without `OFFSET` it would be one for each place where `is_gone` stands.
 * The statement has no name, because a plan for the few pages of the beginning would go through all of them later.
 */
export const REMOVE = `
    WITH touched AS MATERIALIZED (
      SELECT p.ctid AS place, r.count, r.sum, r.kept
      FROM ${PAGE_TABLE} p
      CROSS JOIN LATERAL (
        SELECT count(*) FILTER (WHERE is_gone) AS count, sum(checksum) FILTER (WHERE is_gone) AS sum,
               array_agg(place ORDER BY place) FILTER (WHERE NOT is_gone) AS kept
        FROM (
          SELECT k.checksum, k.place, k.key IN (SELECT unnest($2::bytea[])) IS TRUE AS is_gone
          FROM unnest(p.row_keys, p.row_checksums) WITH ORDINALITY AS k(key, checksum, place)
          OFFSET 0) AS each) AS r
      WHERE p.generation = $1 AND p.last_key >= $3 AND p.last_key <= coalesce(
        (SELECT last_key FROM ${PAGE_TABLE} WHERE generation = $1 AND last_key >= $4 ORDER BY last_key LIMIT 1), $4)
        AND r.count > 0),
    emptied AS (
      DELETE FROM ${PAGE_TABLE} WHERE ctid = ANY (ARRAY(SELECT place FROM touched WHERE kept IS NULL))),
    thinned AS (
      UPDATE ${PAGE_TABLE} p
      SET row_keys = ARRAY(SELECT p.row_keys[k] FROM unnest(t.kept) AS k),
          row_values = ARRAY(SELECT p.row_values[k] FROM unnest(t.kept) AS k),
          row_checksums = ARRAY(SELECT p.row_checksums[k] FROM unnest(t.kept) AS k)
      FROM touched t
      WHERE p.ctid = t.place AND t.kept IS NOT NULL)
    SELECT coalesce(sum(count), 0)::text AS count, coalesce(sum(sum), 0)::text AS sum FROM touched`;

export const isPaged = (key: Uint8Array): boolean => key[0] === PAGED_SECTION;

/** The greatest key of a generation that may lie in a page. */
export class PagesEnd {
  constructor(private lastKey: Uint8Array = FIRST_PAGED_KEY) {}

  /** Whether the row belongs into the next page; then it is the last from now on. Rows that do not are not in any page's way. */
  takes(key: Uint8Array): boolean {
    if (!isPaged(key) || Buffer.compare(key, this.lastKey) <= 0) return false;
    this.lastKey = key;
    return true;
  }
}

export async function readPagesEnd(client: ClientBase, generation: number): Promise<PagesEnd> {
  const values = [generation, FIRST_PAGED_KEY, FIRST_KEY_BEHIND];
  const { rows } = await client.query<{ readonly last_key: Buffer }>(LAST_KEYS, values);
  return new PagesEnd(greatest([FIRST_PAGED_KEY, ...rows.map((row) => row.last_key)]));
}

/**
 * The arrays of a batch are written where those of the batch before were, and the statement as well (`StatementBytes`).
 * @param rows behind all pages, in the order of their keys
 * @param rowBytes nobody else's while this runs
 * @returns what they come to; null when the claim is not the last one any more
 */
export async function appendPages(
  client: ClientBase,
  { generation, epoch }: { readonly generation: number; readonly epoch: number },
  rows: readonly StateRow[],
  rowBytes: RowBytes,
): Promise<RowTotals | null> {
  const checksums = rows.map(({ key, value }) => checksumOfRow(key, value));
  const lasts = pageEnds(rows);
  const firsts = [1, ...lasts.slice(0, -1).map((last) => last + 1)];
  rowBytes.begin();
  const bytea = (items: Uint8Array[]) => byteaArray(items, (size) => rowBytes.take(size));
  const contents = bytea(rows.map(({ value }) => value));
  const keys = bytea(rows.map(({ key }) => key));
  const numbers = [checksums, firsts, lasts].map((items) => bigintArray(items));
  const values = [`${generation}`, keys, contents, ...numbers, `${epoch}`];
  const count = await runLean(client, APPEND, { values, answerTimeoutMs: ANSWER_TIMEOUT_MS });
  return Number(count) === lasts.length ? totalsOf(checksums) : null;
}

/** @param gone at least one. @returns what those of them came to that were in pages */
export async function removeFromPages(client: ClientBase, generation: number, gone: GoneKeys): Promise<RowTotals> {
  const values = [generation, gone.toParameter(), gone.least, gone.greatest];
  const { rows } = await client.query<{ readonly count: string; readonly sum: string }>(REMOVE, values);
  return {
    count: safeIntegerFrom(rows[0]?.count, 'a number of rows'),
    sum: safeIntegerFrom(rows[0]?.sum, 'a sum of checksums'),
  };
}

/** The place of the last row of each page, counted from 1. */
function pageEnds(rows: readonly StateRow[]): number[] {
  const ends: number[] = [];
  let rowCount = 0;
  let byteCount = 0;
  let place = 0;
  for (const { key, value } of rows) {
    const rowBytes = ROW_OVERHEAD_BYTES + key.byteLength + value.byteLength;
    if (rowCount > 0 && (rowCount === MAX_PAGE_ROWS || byteCount + rowBytes > MAX_PAGE_BYTES)) {
      ends.push(place);
      rowCount = 0;
      byteCount = 0;
    }
    rowCount += 1;
    byteCount += rowBytes;
    place += 1;
  }
  ends.push(rows.length);
  return ends;
}

const greatest = (keys: readonly Uint8Array[]): Uint8Array =>
  keys.reduce((most, key) => (Buffer.compare(key, most) > 0 ? key : most));
