import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { startEmbeddedPostgres, type EmbeddedPostgres } from '../../../cli/src/postgres/embedded-postgres.js';
import { builtFile } from './built-file.js';
import type { ProbeQuestion, ProbeReport } from './node-probe-messages.js';
import { poll } from './poll.js';
import { killTree } from './process-tree.js';

const SERVER_ENTRY = 'server/bundle/main.js';
const PROBE = 'bench/apps/bench/src/cluster/node-probe.js';
const POSTGRES_START_LIMIT_MS = 600_000;
/** A node that ended by itself is started again after so long, as any supervisor would. */
const RESTART_DELAY_MS = 500;
const REPORT_LIMIT_MS = 120_000;
const KEEP_ALIVE_MS = 1_000;

export type MemberPlace = { readonly id: string; readonly clientUrl: string; readonly directory: string };

/** An end of a node that nobody here had asked for. */
export type UnaskedEnd = { readonly id: string; readonly code: number | null; readonly signal: NodeJS.Signals | null };

/** One node and its own Postgres, as processes that can be killed one by one. */
export class ClusterMember {
  readonly unaskedEnds: UnaskedEnd[] = [];
  private node: ChildProcess | null = null;
  /** Null while it is down. */
  private postgres: EmbeddedPostgres | null = null;
  /** Kept over restarts: a node that outlives its Postgres finds it again where it was. */
  private postgresPort = 0;
  private knownDatabaseUrl = '';
  private shallRun = false;
  /** A start that is under way, whatever comes of it. */
  private postgresStart: Promise<unknown> = Promise.resolve();
  private ending: Promise<void> | null = null;

  constructor(
    readonly place: MemberPlace,
    /** Without LATCHKEY_DATABASE_URL. */
    private readonly settings: Readonly<Record<string, string>>,
    /** Of Node, such as --cpu-prof. */
    private readonly nodeFlags: readonly string[],
  ) {
    mkdirSync(place.directory, { recursive: true, mode: 0o755 });
  }

  get pid(): number | null {
    return this.node?.pid ?? null;
  }

  get postgresPid(): number | null {
    return this.postgres?.pid ?? null;
  }

  get databaseUrl(): string {
    return this.knownDatabaseUrl;
  }

  /** @throws Error when it does not start in time, or the member has ended */
  async startPostgres(): Promise<void> {
    // Somebody's outgoing connection may have the port for a moment.
    const start = poll(`the Postgres of ${this.place.id}`, POSTGRES_START_LIMIT_MS, async () =>
      this.ending === null ? this.startedPostgres() : 'ended',
    );
    this.postgresStart = start.catch(() => undefined);
    if ((await start) === 'ended') throw new Error(`${this.place.id} has ended`);
  }

  /** The postmaster and its children; resolves when they are gone. */
  async killPostgres(): Promise<void> {
    const { postgres } = this;
    if (postgres === null) return;
    this.postgres = null;
    await killTree(postgres.pid);
    // The server keeps nobody from ending, so that this would be the end of a process with nothing else to wait for.
    const keepAlive = setInterval(() => undefined, KEEP_ALIVE_MS);
    await postgres.exited;
    clearInterval(keepAlive);
  }

  startNode(): void {
    if (this.ending !== null) return;
    this.shallRun = true;
    const log = openSync(join(this.place.directory, 'node.log'), 'a');
    const node = fork(builtFile(SERVER_ENTRY), {
      execArgv: ['--enable-source-maps', '--import', builtFile(PROBE), ...this.nodeFlags],
      env: { PATH: process.env['PATH'], ...this.settings, LATCHKEY_DATABASE_URL: this.databaseUrl },
      stdio: ['ignore', log, log, 'ipc'],
    });
    closeSync(log);
    this.node = node;
    node.on('error', () => undefined);
    node.on('exit', (code, signal) => {
      if (this.node === node) this.node = null;
      if (!this.shallRun) return;
      this.unaskedEnds.push({ id: this.place.id, code, signal });
      setTimeout(() => {
        if (this.shallRun && this.node === null) this.startNode();
      }, RESTART_DELAY_MS).unref();
    });
  }

  /** It stays down until `startNode`. */
  async endNode(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    this.shallRun = false;
    const { node } = this;
    if (node === null) return;
    const exited = once(node, 'exit');
    node.kill(signal);
    await exited;
  }

  /** Node and Postgres end, and the next start is one on an empty disk. */
  async wipe(): Promise<void> {
    await this.endNode('SIGTERM');
    await this.postgres?.stop();
    this.postgres = null;
    rmSync(join(this.place.directory, 'postgres'), { recursive: true, force: true });
  }

  beginWindow(): void {
    this.ask({ type: 'beginWindow' });
  }

  /** @throws Error when the node does not run */
  async report(): Promise<ProbeReport> {
    const { node } = this;
    if (node === null) throw new Error(`${this.place.id} does not run`);
    const answered = once(node, 'message', { signal: AbortSignal.timeout(REPORT_LIMIT_MS) });
    this.ask({ type: 'report' });
    const [report] = (await answered) as [ProbeReport];
    return report;
  }

  /**
   * For the end: nothing is kept, so nothing is waited for that only makes it orderly. Nothing starts any more, whatever is
   * asked for meanwhile. May be called again.
   */
  end(): Promise<void> {
    this.ending ??= this.endAll();
    return this.ending;
  }

  private async endAll(): Promise<void> {
    await this.endNode('SIGKILL');
    // One that is only half there cannot be killed, and would stay.
    await this.postgresStart;
    await this.killPostgres();
  }

  private async startedPostgres(): Promise<'started'> {
    const dataDirectory = join(this.place.directory, 'postgres');
    const postgres = await startEmbeddedPostgres({ dataDirectory, port: this.postgresPort, log: () => undefined });
    this.postgres = postgres;
    this.postgresPort = postgres.port;
    this.knownDatabaseUrl = postgres.url;
    return 'started';
  }

  private ask(question: ProbeQuestion): void {
    if (this.node?.connected === true) this.node.send(question);
  }
}
