import { failure } from '../cli-error.js';
import type { ClusterDescription } from '../cluster/cluster-description.js';
import { environmentOfSupervisedNode, type Environment } from '../cluster/node-environment.js';
import { writeClusterFile } from './cluster-plan.js';
import { removeClusterState, writeClusterState, type NodeState } from './cluster-state.js';
import type { DataDirectory } from './data-directory.js';
import type { DatabaseStarter } from './embedded-database.js';
import type { LogNotice } from './log-notices.js';
import { identityOf } from './process-identity.js';
import type { ServerExit } from './server-process.js';
import { SupervisedNode, type NodeDeath } from './supervised-node.js';

export type SupervisorOptions = {
  readonly data: DataDirectory;
  readonly description: ClusterDescription;
  readonly serverEntry: string;
  readonly startDatabase: DatabaseStarter;
  readonly environment: Environment;
  readonly onNotice: (id: string, notice: LogNotice) => void;
  /** A node died after the start. */
  readonly onDied: (death: NodeDeath) => void;
};

/** All nodes of one `up`: started side by side, stopped in order, and written to the state file at every change. */
export class ClusterSupervisor {
  readonly #options: SupervisorOptions;
  readonly #nodes: readonly SupervisedNode[];
  readonly #databaseUrls = new Map<string, string>();
  readonly #up = identityOf(process.pid);
  readonly #startFailure: Promise<never>;
  #failStart: (error: Error) => void = () => undefined;
  #started = false;
  #closed = false;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#startFailure = new Promise((_, reject) => {
      this.#failStart = reject;
    });
    this.#startFailure.catch(() => undefined);
    this.#nodes = options.description.nodes.map((node) => this.#supervise(node.id));
  }

  get states(): readonly NodeState[] {
    return this.#nodes.map((node) => node.state);
  }

  /** Rejects when a node dies before `startCompleted` is called: a wrong setting would only fail again and again. */
  get startFailure(): Promise<never> {
    return this.#startFailure;
  }

  startCompleted(): void {
    this.#started = true;
  }

  /** Resolves when every server process runs. @throws when a database or a process does not start. */
  async start(): Promise<void> {
    await Promise.all(this.#nodes.map((node) => node.start()));
    writeClusterFile(this.#options.data, this.#described());
  }

  /** Nodes first, each handing over what it leads; then their databases. */
  async stop(): Promise<void> {
    this.#started = true;
    await Promise.all(this.#nodes.map((node) => node.stopServer()));
    const stopped = await Promise.allSettled(this.#nodes.map((node) => node.stopDatabase()));
    this.#closed = true;
    // When a database could not be stopped, the next `up` needs the file to find it.
    if (stopped.every((result) => result.status === 'fulfilled')) removeClusterState(this.#options.data);
  }

  kill(): void {
    for (const node of this.#nodes) node.kill();
  }

  #supervise(id: string): SupervisedNode {
    const { data, description, serverEntry, startDatabase, onNotice } = this.#options;
    const node = description.nodes.find((candidate) => candidate.id === id);
    if (node === undefined) throw failure(`no node ${id}`);
    return new SupervisedNode({
      description: node,
      storage: description.storage,
      data,
      serverEntry,
      startDatabase,
      environment: (databaseUrl) => {
        if (databaseUrl !== null) this.#databaseUrls.set(id, databaseUrl);
        return environmentOfSupervisedNode(description, { ...node, databaseUrl }, this.#options.environment);
      },
      events: {
        changed: () => this.#writeState(),
        notice: onNotice,
        died: (death) => this.#died(death),
      },
    });
  }

  #died(death: NodeDeath): void {
    if (this.#started) return this.#options.onDied(death);
    this.#failStart(failure(`node ${death.id} did not start: ${death.reason ?? describeExit(death.exit)}`));
  }

  #described(): ClusterDescription {
    const { description } = this.#options;
    const nodes = description.nodes.map((node) => ({ ...node, databaseUrl: this.#databaseUrls.get(node.id) ?? null }));
    return { ...description, nodes };
  }

  #writeState(): void {
    if (this.#closed) return;
    const { clusterId, storage } = this.#options.description;
    const nodes = this.states;
    const endpoints = nodes.filter((node) => !node.removed).map((node) => node.clientUrl);
    writeClusterState(this.#options.data, { version: 1, clusterId, storage, up: this.#up, endpoints, nodes });
  }
}

export function describeExit(exit: ServerExit): string {
  if (exit.signal !== null) return `ended by ${exit.signal}`;
  return exit.code === null ? 'ended' : `ended with exit code ${exit.code}`;
}
