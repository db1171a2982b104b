import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ClusterMember, type UnaskedEnd } from './cluster-member.js';
import { poll } from './poll.js';

const NODES = 3;
const REQUEST_LIMIT_MS = 10_000;
const SECRET_BYTES = 24;
/** On a very busy machine, with a million keys to load, after all have been killed. What is judged is judged by its own limit. */
const READY_LIMIT_MS = 600_000;

/** Of /v1/status, what is used here. */
export type NodeStatus = {
  readonly nodeId: string;
  readonly role: string;
  readonly term: number;
  readonly leaderId: string | null;
  readonly commitIndex: number;
  readonly appliedIndex: number;
  readonly firstLogIndex: number;
  readonly checkpointIndex: number;
  readonly revision: number;
  readonly stateHash: string;
};

export type ClusterOptions = {
  /** LATCHKEY_… variables for all nodes. */
  readonly settings?: Readonly<Record<string, string>>;
};

/**
 * Three nodes and three Postgres servers, each a process (or a family of them) of its own that can be killed, stopped and
 * started by itself. `latchkey up` would bring back at once what a measurement wants to keep down for a while.
 */
export class ProcessCluster implements AsyncDisposable {
  private static readonly running = new Set<ProcessCluster>();
  private static isOver = false;
  private keepsData = false;
  private ending: Promise<void> | null = null;

  private constructor(
    readonly directory: string,
    private readonly members: ReadonlyMap<string, ClusterMember>,
  ) {}

  /** On fresh data; resolves when all nodes are ready. */
  static async start({ settings = {} }: ClusterOptions = {}): Promise<ProcessCluster> {
    if (ProcessCluster.isOver) throw new Error('no cluster is started any more');
    const ports = await freePorts(2 * NODES);
    // Nothing is waited for between here and `running`: who is stopped in between would leave it behind.
    const directory = mkdtempSync(join(tmpdir(), 'latchkey-bench-'));
    const places = Array.from({ length: NODES }, (_, at) => ({
      id: `n${at + 1}`,
      clientPort: ports[at] ?? 0,
      peerPort: ports[NODES + at] ?? 0,
    }));
    const shared = {
      LATCHKEY_CLUSTER_ID: 'bench',
      LATCHKEY_PEERS: places.map(({ id, peerPort }) => `${id}=http://127.0.0.1:${peerPort}`).join(','),
      LATCHKEY_PEER_SECRET: randomBytes(SECRET_BYTES).toString('hex'),
      LATCHKEY_STORAGE: 'postgres',
      ...settings,
    };
    const nodeFlags = process.env['BENCH_NODE_FLAGS']?.split(' ').filter((flag) => flag !== '') ?? [];
    const members = places.map(({ id, clientPort, peerPort }) => {
      const own = {
        LATCHKEY_NODE_ID: id,
        LATCHKEY_CLIENT_PORT: String(clientPort),
        LATCHKEY_PEER_PORT: String(peerPort),
      };
      const place = { id, clientUrl: `http://127.0.0.1:${clientPort}`, directory: join(directory, id) };
      return [id, new ClusterMember(place, { ...shared, ...own }, nodeFlags)] as const;
    });
    const cluster = new ProcessCluster(directory, new Map(members));
    ProcessCluster.running.add(cluster);
    try {
      await Promise.all(members.map(([, member]) => member.startPostgres()));
      for (const [, member] of members) member.startNode();
      await cluster.allReady();
    } catch (error) {
      await cluster[Symbol.asyncDispose]();
      throw error;
    }
    return cluster;
  }

  /** For the end of the program that is none of the planned ones: data is not kept, and nothing starts any more. */
  static async endAll(): Promise<void> {
    ProcessCluster.isOver = true;
    for (const cluster of ProcessCluster.running) cluster.keepsData = false;
    await Promise.all([...ProcessCluster.running].map((cluster) => cluster[Symbol.asyncDispose]()));
  }

  get ids(): readonly string[] {
    return [...this.members.keys()];
  }

  get endpoints(): readonly string[] {
    return this.ids.map((id) => this.url(id));
  }

  url(id: string): string {
    return this.member(id).place.clientUrl;
  }

  member(id: string): ClusterMember {
    const member = this.members.get(id);
    if (member === undefined) throw new Error(`no node ${id}`);
    return member;
  }

  /** What has ended by itself since the last call. */
  takeUnaskedEnds(): readonly UnaskedEnd[] {
    return this.ids.flatMap((id) => this.member(id).unaskedEnds.splice(0));
  }

  /** All processes at the same moment, as when the power of all machines fails (but what the system cached is kept). */
  async killEverything(): Promise<void> {
    const members = [...this.members.values()];
    await Promise.all(members.flatMap((member) => [member.endNode('SIGKILL'), member.killPostgres()]));
  }

  async startEverything(): Promise<void> {
    await Promise.all([...this.members.values()].map((member) => member.startPostgres()));
    for (const member of this.members.values()) member.startNode();
  }

  async status(id: string): Promise<NodeStatus> {
    const response = await fetch(`${this.url(id)}/v1/status`, { signal: AbortSignal.timeout(REQUEST_LIMIT_MS) });
    if (!response.ok) throw new Error(`status of ${id}: ${response.status}`);
    return (await response.json()) as NodeStatus;
  }

  statuses(): Promise<readonly NodeStatus[]> {
    return Promise.all(this.ids.map((id) => this.status(id)));
  }

  /** Resolves when the node has contained everything that was acknowledged before, and knows a leader. */
  async ready(id: string): Promise<void> {
    await poll(`${id} to be ready`, READY_LIMIT_MS, async () => {
      const { ok } = await fetch(`${this.url(id)}/readyz`, { signal: AbortSignal.timeout(REQUEST_LIMIT_MS) });
      return ok ? true : null;
    });
  }

  async allReady(): Promise<void> {
    await Promise.all(this.ids.map((id) => this.ready(id)));
  }

  /** The leader that all nodes follow in one term. */
  leader(): Promise<string> {
    return poll('one leader of all nodes', READY_LIMIT_MS, async () => {
      const statuses = await this.statuses();
      const [first] = statuses;
      const isAgreed = statuses.every(({ leaderId, term }) => leaderId === first?.leaderId && term === first?.term);
      return isAgreed ? (first?.leaderId ?? null) : null;
    });
  }

  async follower(): Promise<string> {
    const leader = await this.leader();
    const follower = this.ids.find((id) => id !== leader);
    if (follower === undefined) throw new Error('there is no follower');
    return follower;
  }

  /** Waits until all nodes have applied the same entries. @returns their statuses */
  settled(): Promise<readonly NodeStatus[]> {
    return poll('equal applied indexes', READY_LIMIT_MS, async () => {
      const statuses = await this.statuses();
      return statuses.every(({ appliedIndex }) => appliedIndex === statuses[0]?.appliedIndex) ? statuses : null;
    });
  }

  /** Data and logs are left where they are for a person to look at. */
  keepData(): void {
    this.keepsData = true;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.ending ??= this.end();
    return this.ending;
  }

  private async end(): Promise<void> {
    await Promise.all([...this.members.values()].map((member) => member.end()));
    if (!this.keepsData) rmSync(this.directory, { recursive: true, force: true });
    ProcessCluster.running.delete(this);
  }
}

/** Ports that were free a moment ago; asked for together, so that they differ. */
async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return ports;
}
