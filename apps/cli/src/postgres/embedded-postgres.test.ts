import { type ChildProcess, spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { platform, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { identityOf, isRunning } from '../supervisor/process-identity.js';
import { type EmbeddedPostgres, startEmbeddedPostgres } from './embedded-postgres.js';
import { EmbeddedPostgresError } from './embedded-postgres-error.js';

const NODES = 3;
const POLL_MS = 20;
const PATIENCE_MS = 20_000;

let root: string;
const started: EmbeddedPostgres[] = [];
const strangers: ChildProcess[] = [];

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'latchkey-postgres-'));
  chmodSync(root, 0o755);
});

afterEach(async () => {
  await Promise.all(started.splice(0).map((server) => server.stop()));
  for (const stranger of strangers.splice(0)) stranger.kill('SIGKILL');
  rmSync(root, { recursive: true, force: true });
});

const log = (): void => undefined;

async function start(name = 'data', port = 0): Promise<EmbeddedPostgres> {
  const server = await startEmbeddedPostgres({ dataDirectory: join(root, name), port, log });
  started.push(server);
  return server;
}

async function failureOf(starting: Promise<EmbeddedPostgres>): Promise<EmbeddedPostgresError> {
  const error: unknown = await starting.then(
    (server) => {
      started.push(server);
      return null;
    },
    (reason: unknown) => reason,
  );
  if (!(error instanceof EmbeddedPostgresError)) throw new Error(`not an EmbeddedPostgresError: ${String(error)}`);
  expect(error.message).not.toContain('\n');
  return error;
}

async function query(url: string, text: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: url });
  client.on('error', log);
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(text)).rows;
  } finally {
    await client.end();
  }
}

async function until(what: string, isTrue: () => boolean): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!isTrue()) {
    if (performance.now() > deadline) throw new Error(`never happened: ${what}`);
    await delay(POLL_MS);
  }
}

const isAlive = (pid: number): boolean => identityOf(pid) !== null;

/** Stands in for the system: a process that has nothing to do with us and lives until the test ends. */
function startStranger(workingDirectory = '/'): ChildProcess {
  const stranger = spawn('sleep', ['600'], { cwd: workingDirectory, stdio: 'ignore' });
  strangers.push(stranger);
  return stranger;
}

describe('embedded Postgres', () => {
  it('starts three servers at once on new directories, each answering on its own port', async () => {
    const servers = await Promise.all(Array.from({ length: NODES }, (_, node) => start(`n${node}`)));
    expect(new Set(servers.map(({ port }) => port)).size).toBe(NODES);
    for (const { url } of servers) expect(await query(url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('keeps the data between starts', async () => {
    const first = await start();
    await query(first.url, 'CREATE TABLE kept AS SELECT 7 AS value');
    await first.stop();
    expect(isAlive(first.pid)).toBe(false);
    const second = await start();
    expect(await query(second.url, 'SELECT value FROM kept')).toEqual([{ value: 7 }]);
  });

  it('runs with the settings on which durability rests, and without locale surprises', async () => {
    const { url } = await start();
    const [row] = await query(
      url,
      `SELECT current_setting('fsync') AS fsync, current_setting('full_page_writes') AS full_page_writes,
              current_setting('synchronous_commit') AS synchronous_commit, current_setting('server_encoding') AS encoding,
              (SELECT datcollate FROM pg_database WHERE datname = current_database()) AS collation`,
    );
    expect(row).toEqual({
      fsync: 'on',
      full_page_writes: 'on',
      synchronous_commit: 'on',
      encoding: 'UTF8',
      collation: 'C',
    });
  });

  it('lets nobody in without the password, which only its owner can read', async () => {
    const { url } = await start();
    const wrong = new URL(url);
    wrong.password = 'guess';
    await expect(query(wrong.href, 'SELECT 1')).rejects.toThrow(/password authentication failed/);
    const file = readdirSync(join(root, 'data')).find((name) => name.endsWith('password')) ?? '';
    expect(readFileSync(join(root, 'data', file), 'utf8').trim()).toBe(new URL(url).password);
    expect(statSync(join(root, 'data', file)).mode & 0o077).toBe(0);
  });

  it('tells when the server ends by itself, and starts again on what is left', async () => {
    const first = await start();
    await query(first.url, 'CREATE TABLE kept AS SELECT 7 AS value');
    process.kill(first.pid, 'SIGKILL');
    await first.exited;
    const second = await start();
    expect(await query(second.url, 'SELECT value FROM kept')).toEqual([{ value: 7 }]);
  });
});

describe('embedded Postgres whose owner died', () => {
  /** Starts a server from a process of its own, as `latchkey up` is one. */
  async function startFromOtherProcess(): Promise<{ readonly owner: ChildProcess; readonly pid: number }> {
    const script = join(import.meta.dirname, 'test-support', 'owner-process.mjs');
    const owner = spawn(process.execPath, [script, join(root, 'data')], { stdio: ['ignore', 'pipe', 'inherit'] });
    strangers.push(owner);
    const line = await new Promise<string>((resolve) => {
      owner.stdout?.once('data', (chunk: Buffer) => resolve(chunk.toString('utf8')));
      owner.stdout?.once('end', () => resolve('0'));
    });
    expect(isAlive(Number(line))).toBe(true);
    return { owner, pid: Number(line) };
  }

  it('ends with an owner that is killed and has no chance to stop it', async () => {
    const { owner, pid } = await startFromOtherProcess();
    owner.kill('SIGKILL');
    await until('the server ends', () => !isAlive(pid));
  });

  it.runIf(platform() === 'linux')('is stopped by the next start when even the watch over it was killed', async () => {
    const { owner, pid } = await startFromOtherProcess();
    for (const watch of processesWith('latchkey-orphan-watch', String(pid))) process.kill(watch, 'SIGKILL');
    owner.kill('SIGKILL');
    await until('the owner ends', () => owner.signalCode !== null);
    expect(isAlive(pid)).toBe(true);
    const server = await start();
    expect(isAlive(pid)).toBe(false);
    expect(await query(server.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  function processesWith(...words: readonly string[]): readonly number[] {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .filter((pid) => {
        const commandLine = existsSync(`/proc/${pid}/cmdline`)
          ? readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
          : [];
        return words.every((word) => commandLine.includes(word));
      })
      .map(Number);
  }
});

describe('embedded Postgres that cannot start', () => {
  it('names the port when something else listens there', async () => {
    const listener = createServer();
    const port = await new Promise<number>((resolve) => {
      listener.listen(0, '127.0.0.1', () => {
        const address = listener.address();
        resolve(typeof address === 'object' && address !== null ? address.port : 0);
      });
    });
    try {
      const error = await failureOf(start('data', port));
      expect(error.code).toBe('portInUse');
      expect(error.message).toContain(String(port));
    } finally {
      listener.close();
    }
  });

  it('refuses a directory on which a server with a living owner runs, and leaves that one alone', async () => {
    const first = await start();
    const error = await failureOf(start());
    expect(error.code).toBe('dataDirectoryInUse');
    expect(error.message).toContain(String(first.pid));
    expect(await query(first.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('refuses data of another major version', async () => {
    await (await start()).stop();
    writeFileSync(join(root, 'data', 'PG_VERSION'), '13\n');
    const error = await failureOf(start());
    expect(error.code).toBe('otherVersion');
    expect(error.message).toMatch(/Postgres 13.*Postgres \d+/);
  });

  it('refuses a directory that holds something else, and does not touch it', async () => {
    const other = join(root, 'other');
    mkdtempSync(join(root, 'x'));
    writeFileSync(other, 'a file');
    expect((await failureOf(start('other'))).code).toBe('permission');
    expect((await failureOf(startEmbeddedPostgres({ dataDirectory: root, log }))).code).toBe('notADataDirectory');
    expect(readFileSync(other, 'utf8')).toBe('a file');
  });
});

describe('embedded Postgres on a directory with traces of an earlier run', () => {
  it('starts although the pid of the earlier server now belongs to a stranger, and lets the stranger live', async () => {
    await (await start()).stop();
    const stranger = startStranger();
    const strangerIdentity = identityOf(stranger.pid ?? 0);
    writeFileSync(join(root, 'data', 'postmaster.pid'), `${stranger.pid}\n${join(root, 'data')}\n`);
    const server = await start();
    expect(await query(server.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    expect(strangerIdentity !== null && isRunning(strangerIdentity)).toBe(true);
  });

  it('removes what a start left behind that was killed while it made the database', async () => {
    const unfinished = `${join(root, 'data')}.initdb-999999999-abc`;
    mkdtempSync(unfinished);
    await start();
    expect(readdirSync(root).filter((name) => name.includes('initdb'))).toEqual([]);
    expect(existsSync(join(root, 'data', 'PG_VERSION'))).toBe(true);
  });
});

describe.runIf(process.getuid?.() === 0)('embedded Postgres started by root', () => {
  it('runs as another user', async () => {
    const { pid } = await start();
    expect(statSync(`/proc/${pid}`).uid).not.toBe(0);
  });

  it('works below a directory that only root may enter', async () => {
    chmodSync(root, 0o700);
    const first = await start();
    await query(first.url, 'CREATE TABLE kept AS SELECT 7 AS value');
    await first.stop();
    const second = await start();
    expect(await query(second.url, 'SELECT value FROM kept')).toEqual([{ value: 7 }]);
    expect(statSync(root).mode & 0o777).toBe(0o700);
  });
});
