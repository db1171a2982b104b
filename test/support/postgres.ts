import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterAll } from 'vitest';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../apps/cli/src/postgres/embedded-postgres.js';

/**
 * A real Postgres for the tests of one file (each file has a process of its own): started when a test first asks for it,
 * stopped and removed after the last. A run that is killed leaves none either, since the server ends with its owner.
 */
let starting: Promise<EmbeddedPostgres> | null = null;
let directory: string | null = null;
let databaseCount = 0;

afterAll(async () => {
  const server = await starting;
  starting = null;
  // Immediate shutdown: writing out every database first would be work for the dustbin.
  if (server !== null) process.kill(server.pid, 'SIGQUIT');
  await server?.exited;
  if (directory !== null) await rm(directory, { recursive: true, force: true });
});

/** The server itself: its superuser's URL and its pid. */
export function testPostgres(): Promise<EmbeddedPostgres> {
  starting ??= start(0);
  return starting;
}

/** Makes a new, empty database. @returns its URL */
export async function createDatabase(): Promise<string> {
  const { url } = await testPostgres();
  databaseCount += 1;
  const name = `test_${databaseCount}`;
  await queryOnce(url, `CREATE DATABASE ${name}`);
  return urlOfDatabase(url, name);
}

/** Stops the server and starts it again on the same data and port. */
export async function restartPostgres(): Promise<void> {
  const { port, stop } = await testPostgres();
  await stop();
  starting = start(port);
  await starting;
}

export function urlOfDatabase(url: string, name: string): string {
  const changed = new URL(url);
  changed.pathname = `/${name}`;
  return changed.href;
}

/** Runs one statement on a connection of its own. */
export async function queryOnce(
  url: string,
  text: string,
  values: readonly unknown[] = [],
): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: url });
  // A server that ends takes the connection along; the query that waits says so itself.
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(text, [...values])).rows;
  } finally {
    await client.end();
  }
}

async function start(port: number): Promise<EmbeddedPostgres> {
  directory ??= await mkdtemp(join(tmpdir(), 'latchkey-test-'));
  return startEmbeddedPostgres({ dataDirectory: join(directory, 'postgres'), port, log: () => undefined });
}
