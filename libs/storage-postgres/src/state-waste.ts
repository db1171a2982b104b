import type { ClientBase } from 'pg';
import { ROW_TABLE } from './schema-names.js';

const SLICE_ROWS = 2_000;

const NEXT_GENERATION = {
  name: 'latchkey-generation-after-1',
  text: `SELECT generation FROM ${ROW_TABLE} WHERE generation > $1 ORDER BY generation LIMIT 1`,
};

const DROP_SLICE = {
  name: 'latchkey-rows-drop-1',
  text: `
    WITH dropped AS (
      DELETE FROM ${ROW_TABLE}
      WHERE generation = $1 AND key IN (
        SELECT key FROM ${ROW_TABLE} WHERE generation = $1 AND key >= $2 ORDER BY key LIMIT ${SLICE_ROWS})
      RETURNING key)
    SELECT key FROM dropped ORDER BY key DESC LIMIT 1`,
};

/** Rows of generations that are neither the state nor its successor: of replaced states and of stagings that were left. */
export async function dropOtherGenerations(client: ClientBase, kept: readonly number[]): Promise<void> {
  for (let generation = await generationAfter(client, -1); generation !== null;) {
    if (!kept.includes(generation)) await dropGeneration(client, generation);
    generation = await generationAfter(client, generation);
  }
}

/** In slices, so that no statement is long. Views that are open go on seeing the rows. */
export async function dropGeneration(client: ClientBase, generation: number): Promise<void> {
  for (let last: Buffer | null = Buffer.alloc(0); last !== null;) {
    const { rows }: { readonly rows: readonly { readonly key: Buffer }[] } = await client.query({
      ...DROP_SLICE,
      values: [generation, last],
    });
    last = rows[0]?.key ?? null;
  }
}

async function generationAfter(client: ClientBase, generation: number): Promise<number | null> {
  const { rows } = await client.query<{ readonly generation: number }>({ ...NEXT_GENERATION, values: [generation] });
  return rows[0]?.generation ?? null;
}
