import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../apps/cli/src/postgres/embedded-postgres.js';
import { queryOnce } from './postgres.js';
import { PostgresWire } from './postgres-wire.js';
import { waitFor } from './wait-for.js';

const run = promisify(execFile);

/** `fast` ends every session, `immediate` every process without a word; `kill` leaves the processes of a dead postmaster. */
export type StopMode = 'fast' | 'immediate' | 'kill';

/** How far a write came whose session was ended: it is durable and nobody was told so, or it was rolled back. */
export type AppendEnding = 'committed' | 'rolledBack';

/** `EXCLUSIVE` lets others read. */
type TableLock = 'ACCESS EXCLUSIVE' | 'EXCLUSIVE';

/** What `pg_terminate_backend` waits for at most. */
const SESSION_END_MS = 5_000;

const SIGNALS: Readonly<Record<StopMode, NodeJS.Signals>> = { fast: 'SIGINT', immediate: 'SIGQUIT', kill: 'SIGKILL' };

/** The Postgres server of one node alone, and the wire between them: its faults reach nobody else. */
export class NodeDatabase implements AsyncDisposable {
  private constructor(
    private readonly dataDirectory: string,
    private server: EmbeddedPostgres,
    readonly wire: PostgresWire,
  ) {}

  /** @param directory of its own */
  static async start(directory: string): Promise<NodeDatabase> {
    const dataDirectory = join(directory, 'postgres');
    const server = await startOn(dataDirectory, 0);
    return new NodeDatabase(dataDirectory, server, await PostgresWire.to(server.port));
  }

  /** Past the wire, as a superuser. */
  get directUrl(): string {
    return this.server.url;
  }

  get urlOverWire(): string {
    const url = new URL(this.server.url);
    url.port = String(this.wire.port);
    return url.href;
  }

  query(text: string, values: readonly unknown[] = []): Promise<Record<string, unknown>[]> {
    return queryOnce(this.directUrl, text, values);
  }

  /** A setting of the whole server, which the sessions there are take up too. Null: as it was. */
  async set(setting: string, value: string | null): Promise<void> {
    await this.query(value === null ? `ALTER SYSTEM RESET ${setting}` : `ALTER SYSTEM SET ${setting} = ${value}`);
    await this.query('SELECT pg_reload_conf()');
  }

  /** From here on its commits can be told to wait for a standby; embedded servers cannot have one. Restarts it. */
  async allowStandby(): Promise<void> {
    await this.query('ALTER SYSTEM SET wal_level = replica');
    await this.query('ALTER SYSTEM SET max_wal_senders = 1');
    await this.stop('fast');
    await this.startAgain();
  }

  async stop(mode: StopMode): Promise<void> {
    process.kill(this.server.pid, SIGNALS[mode]);
    await this.server.exited;
  }

  /** Again, on the same data and port. */
  async startAgain(): Promise<void> {
    this.server = await startOn(this.dataDirectory, this.server.port);
  }

  /** Whether the postmaster has ended, for whatever reason. */
  get hasEnded(): boolean {
    return !signal(this.server.pid, 0);
  }

  /** Every process of the server stands still: sockets stay open, nothing is answered. */
  async freeze(): Promise<void> {
    signal(this.server.pid, 'SIGSTOP');
    for (const pid of await this.workers()) signal(pid, 'SIGSTOP');
  }

  async thaw(): Promise<void> {
    for (const pid of await this.workers()) signal(pid, 'SIGCONT');
    signal(this.server.pid, 'SIGCONT');
  }

  /** Takes every connection that the server can give, once all others have ended. @returns gives them back */
  async exhaust(): Promise<() => Promise<void>> {
    await waitFor('the sessions of the node to end', async () => {
      const others = `SELECT FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()`;
      return (await this.query(others)).length === 0 ? true : null;
    });
    const held: Client[] = [];
    for (;;) {
      const client = new Client({ connectionString: this.directUrl });
      client.on('error', () => undefined);
      try {
        await client.connect();
      } catch (error) {
        // 53300: too many connections, also those kept for superusers.
        if (!(error instanceof Error && 'code' in error && error.code === '53300')) throw error;
        return async () => void (await Promise.all(held.map((taken) => taken.end())));
      }
      held.push(client);
    }
  }

  /** A session holds every table of the store. @returns ends it */
  async lockTables(lock: TableLock = 'ACCESS EXCLUSIVE'): Promise<() => Promise<void>> {
    const client = new Client({ connectionString: this.directUrl });
    await client.connect();
    const { rows } = await client.query<{ readonly name: string }>(
      `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname = 'latchkey'`,
    );
    await client.query('BEGIN');
    await client.query(`LOCK TABLE ${rows.map(({ name }) => name).join(', ')} IN ${lock} MODE`);
    return () => client.end();
  }

  /** An administrator ends the session that appends to the log, in the middle of an append. In its commit: needs `allowStandby`. */
  async endAppend(ending: AppendEnding): Promise<void> {
    return ending === 'committed' ? this.endAppendInCommit() : this.endAppendBeforeCommit();
  }

  /** Number of the last entry that is durable there. */
  async lastLogIndex(): Promise<number> {
    const [row] = await this.query('SELECT last_index::int AS last FROM latchkey.store');
    return Number(row?.['last']);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.wire[Symbol.asyncDispose]();
    if (this.hasEnded) return;
    await this.thaw();
    await this.stop('immediate');
  }

  /**
   * A commit that waits for a standby, which there is none of, is on the disk here, and neither visible nor answered. When
   * its session is ended there, Postgres makes it visible and closes the connection without a word.
   */
  private async endAppendInCommit(): Promise<void> {
    await this.set('synchronous_standby_names', `'nobody'`);
    try {
      const pid = await this.appendThatWaits('SyncRep');
      const before = await this.lastLogIndex();
      await this.endSession(pid);
      if ((await this.lastLogIndex()) <= before) throw new Error('the append whose commit was under way is not there');
    } finally {
      await this.set('synchronous_standby_names', null);
    }
  }

  private async endAppendBeforeCommit(): Promise<void> {
    const unlock = await this.lockTables('EXCLUSIVE');
    try {
      const pid = await this.appendThatWaits('relation');
      const before = await this.lastLogIndex();
      await this.endSession(pid);
      if ((await this.lastLogIndex()) !== before) throw new Error('an append that was rolled back is there');
    } finally {
      await unlock();
    }
  }

  private appendThatWaits(event: 'SyncRep' | 'relation'): Promise<unknown> {
    const waiting = `SELECT pid FROM pg_stat_activity WHERE wait_event = $1 AND query LIKE '%INSERT INTO latchkey.log_segment%'`;
    return waitFor(`an append that waits (${event})`, async () => (await this.query(waiting, [event]))[0]?.['pid']);
  }

  private async endSession(pid: unknown): Promise<void> {
    const [row] = await this.query('SELECT pg_terminate_backend($1, $2) AS ended', [pid, SESSION_END_MS]);
    if (row?.['ended'] !== true) throw new Error(`the session of process ${String(pid)} has not ended`);
  }

  private async workers(): Promise<readonly number[]> {
    // Exits with 1 when there are none.
    const { stdout } = await run('pgrep', ['-P', String(this.server.pid)]).catch(() => ({ stdout: '' }));
    return stdout.split('\n').filter(Boolean).map(Number);
  }
}

function startOn(dataDirectory: string, port: number): Promise<EmbeddedPostgres> {
  return startEmbeddedPostgres({ dataDirectory, port, log: () => undefined });
}

/** @returns false when there is no such process (any more) */
function signal(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, name);
  } catch {
    return false;
  }
}
