import type { ClientBase } from 'pg';
import { PAGE_TABLE, ROW_TABLE } from './schema-names.js';

const SLICE_ROWS = 2_000;
const SLICE_PAGES = 200;

/**
 * Without names, so that no plan for the small tables of the beginning is used later. What is kept is not gone through: the
 * index may hold a hundred thousand entries of rows that have left it since the last vacuum.
 */
const NEXT_GENERATION = `
    SELECT min(generation) AS generation
    FROM ((SELECT generation FROM ${ROW_TABLE} WHERE generation > $1 AND generation < $2 ORDER BY generation LIMIT 1)
          UNION ALL
          (SELECT generation FROM ${PAGE_TABLE} WHERE generation > $1 AND generation < $2 ORDER BY generation LIMIT 1)) AS g`;

const NO_GENERATION = -1;
/** Where the sequence of generations ends. */
const LAST_GENERATION = 2 ** 31 - 1;

/** By `ctid`, because the server might compare each row of the table with each of the slice when it takes the table for small. */
const dropSlice = (table: string, key: string, limit: number): string => `
    WITH dropped AS (
      DELETE FROM ${table}
      WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM ${table} WHERE generation = $1 AND ${key} >= $2 ORDER BY ${key} LIMIT ${limit}))
      RETURNING ${key} AS key)
    SELECT key FROM dropped ORDER BY key DESC LIMIT 1`;
const DROP_SLICES = [dropSlice(ROW_TABLE, 'key', SLICE_ROWS), dropSlice(PAGE_TABLE, 'last_key', SLICE_PAGES)];

/** Rows of generations that are neither the state nor its successor: of replaced states and of stagings that were left. */
export async function dropOtherGenerations(client: ClientBase, kept: readonly number[]): Promise<void> {
  const ends = [NO_GENERATION, ...kept.toSorted((one, other) => one - other), LAST_GENERATION];
  for (const [at, before] of ends.slice(1).entries()) {
    for (let after = ends[at] ?? NO_GENERATION; after < before;) {
      const generation = await generationBetween(client, after, before);
      if (generation === null) break;
      await dropGeneration(client, generation);
      after = generation;
    }
  }
}

/** In slices, so that no statement is long. Views that are open go on seeing the rows. */
export async function dropGeneration(client: ClientBase, generation: number): Promise<void> {
  for (const slice of DROP_SLICES) {
    for (let last: Buffer | null = Buffer.alloc(0); last !== null;) {
      const { rows }: { readonly rows: readonly { readonly key: Buffer }[] } = await client.query(slice, [
        generation,
        last,
      ]);
      last = rows[0]?.key ?? null;
    }
  }
}

async function generationBetween(client: ClientBase, after: number, before: number): Promise<number | null> {
  const { rows } = await client.query<{ readonly generation: number | null }>(NEXT_GENERATION, [after, before]);
  return rows[0]?.generation ?? null;
}
