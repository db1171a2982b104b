import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { clientUrl, type NodeDescription, type StorageKind } from '../cluster/cluster-description.js';
import { messageOf } from '../cli-error.js';
import { BoundedLog } from './bounded-log.js';
import {
  makeDirectory,
  nodeDirectory,
  postgresDirectory,
  removedMarker,
  writeFileWhole,
  type DataDirectory,
} from './data-directory.js';
import type { DatabaseStarter, RunningDatabase } from './embedded-database.js';
import { LogNotices, type LogNotice } from './log-notices.js';
import type { NodeState } from './cluster-state.js';
import { identityOf, signalProcess } from './process-identity.js';
import { RestartDelay } from './restart-delay.js';
import { ServerProcess, type ServerExit } from './server-process.js';

/** A node told to stop hands its leadership over first; then it may be ended by force. */
const STOP_GRACE_MS = 8_000;

/** How a node's process says that the cluster has removed it (`EXIT.removed` of the server). */
const REMOVED_EXIT_CODE = 5;

export type SupervisedNodeOptions = {
  readonly description: NodeDescription;
  readonly storage: StorageKind;
  readonly data: DataDirectory;
  readonly serverEntry: string;
  readonly startDatabase: DatabaseStarter;
  /** The server's environment, once the database's address is known. */
  readonly environment: (databaseUrl: string | null) => Readonly<Record<string, string>>;
  readonly events: SupervisedNodeEvents;
};

export type NodeDeath = {
  readonly id: string;
  readonly exit: ServerExit;
  /** What the node complained about last in that run, or null. */
  readonly reason: string | null;
  /** Null: it stays down. */
  readonly restartInMs: number | null;
  /** That is what the cluster wanted. */
  readonly removed: boolean;
};

export type SupervisedNodeEvents = {
  /** A process came or went: the state file has to be written. */
  readonly changed: () => void;
  readonly notice: (id: string, notice: LogNotice) => void;
  readonly died: (death: NodeDeath) => void;
};

/** One node of `up`: its database and its server process, which is started again when it dies. */
export class SupervisedNode {
  readonly description: NodeDescription;
  readonly #options: SupervisedNodeOptions;
  readonly #log: BoundedLog;
  readonly #notices: LogNotices;
  readonly #delay = new RestartDelay();
  #database: RunningDatabase | null = null;
  #databaseStart: Promise<RunningDatabase> | null = null;
  #server: ServerProcess | null = null;
  #restartTimer: NodeJS.Timeout | null = null;
  #stopping = false;
  #restarts = 0;

  constructor(options: SupervisedNodeOptions) {
    this.#options = options;
    this.description = options.description;
    const directory = nodeDirectory(options.data, options.description.id);
    makeDirectory(directory);
    this.#log = new BoundedLog(join(directory, 'node.log'));
    this.#notices = new LogNotices((notice) => options.events.notice(options.description.id, notice), 'warn');
  }

  get state(): NodeState {
    const { description, data } = this.#options;
    const database = this.#database;
    const postgres = database === null ? null : identityOf(database.pid);
    return {
      id: description.id,
      clientUrl: clientUrl(description),
      peerUrl: description.peerUrl,
      logFile: join(nodeDirectory(data, description.id), 'node.log'),
      process: this.#server?.running === true ? this.#server.identity : null,
      postgres: database === null || postgres === null ? null : { ...postgres, port: database.port },
      restarts: this.#restarts,
      removed: this.#isRemoved,
    };
  }

  /** Resolves when the server process runs (not when it is ready), or is not to run. @throws when its database does not start. */
  async start(): Promise<void> {
    if (this.#isRemoved) {
      this.#options.events.notice(this.description.id, {
        level: 'warn',
        message: 'removed from the cluster: not started',
      });
      return;
    }
    if (this.#options.storage === 'postgres') await this.#ensureDatabase();
    if (!this.#stopping) this.#startServer();
  }

  /** Ends the server process; its database stays, for other nodes may still have to hear from this one. */
  async stopServer(): Promise<void> {
    this.#stopping = true;
    if (this.#restartTimer !== null) clearTimeout(this.#restartTimer);
    await this.#server?.stop(STOP_GRACE_MS);
  }

  async stopDatabase(): Promise<void> {
    this.#stopping = true;
    // A database that is just starting has to be up before it can be told to stop.
    const database = await this.#databaseStart?.catch(() => null);
    await database?.stop();
    this.#database = null;
    this.#log.close();
  }

  /** No waiting: for the second Ctrl-C. */
  kill(): void {
    this.#stopping = true;
    this.#server?.kill();
    // The immediate shutdown: the only one that is quick and still takes the server's own children along.
    if (this.#database !== null) signalProcess(this.#database.pid, 'SIGQUIT');
  }

  async #ensureDatabase(): Promise<void> {
    if (this.#database !== null && identityOf(this.#database.pid) !== null) return;
    const { data, description, startDatabase } = this.#options;
    const port = this.#database?.port;
    this.#databaseStart = startDatabase({
      dataDirectory: postgresDirectory(data, description.id),
      ...(port === undefined ? {} : { port }),
      log: (line) => this.#log.write(Buffer.from(`postgres: ${line}\n`)),
    });
    this.#database = await this.#databaseStart;
    this.#options.events.changed();
  }

  #startServer(): void {
    const { serverEntry, environment, events } = this.#options;
    const startedAt = performance.now();
    const take = (chunk: Uint8Array): void => {
      this.#log.write(chunk);
      this.#notices.write(chunk);
    };
    this.#notices.reset();
    const server = ServerProcess.start(serverEntry, environment(this.#database?.url ?? null), {
      stdout: take,
      stderr: take,
    });
    this.#server = server;
    events.changed();
    void server.exited.then((exit) => {
      events.changed();
      if (!this.#stopping) this.#recover(exit, performance.now() - startedAt);
    });
  }

  #recover(exit: ServerExit, ranMs: number): void {
    const { events, storage, description } = this.#options;
    // A node without storage has forgotten its votes and its log: started again under its name it could elect a second
    // leader or lose what was acknowledged.
    const removed = exit.code === REMOVED_EXIT_CODE;
    if (removed) this.#rememberRemoval();
    const restartInMs = storage === 'memory' || removed ? null : this.#delay.next(ranMs);
    events.died({ id: description.id, exit, reason: this.#notices.last?.message ?? null, restartInMs, removed });
    if (restartInMs === null || this.#stopping) return;
    this.#restartTimer = setTimeout(() => void this.#restart(), restartInMs);
  }

  get #isRemoved(): boolean {
    return existsSync(removedMarker(this.#options.data, this.description.id));
  }

  #rememberRemoval(): void {
    writeFileWhole(removedMarker(this.#options.data, this.description.id), 'The cluster goes on without this node.\n');
    this.#options.events.changed();
  }

  async #restart(): Promise<void> {
    const startedAt = performance.now();
    try {
      await this.#ensureDatabase();
      if (this.#stopping) return;
      this.#restarts++;
      this.#startServer();
    } catch (error) {
      const { events, description } = this.#options;
      events.notice(description.id, { level: 'error', message: `its database does not start: ${messageOf(error)}` });
      if (!this.#stopping) this.#recover({ code: null, signal: null }, performance.now() - startedAt);
    }
  }
}
