import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { createDatabase } from './postgres.js';
import { waitFor } from './wait-for.js';

const SERVER_ENTRY = fileURLToPath(new URL('../../dist/server/bundle/main.js', import.meta.url));
/** Generous: on a busy machine the start of three processes takes most of it. */
const LEADER_TIMEOUT_MS = 60_000;
const OUTPUT_KEPT_CHARACTERS = 20_000;
const OUTPUT_TOLD_CHARACTERS = 1_000;

export type NodeStatus = {
  readonly nodeId: string;
  readonly role: string;
  readonly term: number;
  readonly leaderId: string | null;
  readonly commitIndex: number;
  readonly appliedIndex: number;
  readonly firstLogIndex: number;
  readonly lastLogIndex: number;
  readonly checkpointIndex: number;
  readonly revision: number;
  readonly stateHash: string;
  readonly storeTrouble: string | null;
  readonly members: readonly { readonly id: string; readonly connected: boolean }[];
};

type TestNode = {
  readonly id: string;
  readonly clientPort: number;
  readonly clientUrl: string;
  readonly peerUrl: string;
  readonly environment: Readonly<Record<string, string>>;
  process: ChildProcess | null;
  exitCode: number | null;
  output: string;
};

export type TestClusterOptions = {
  readonly size?: number;
  readonly settings?: Readonly<Record<string, string>>;
  /** Of the nodes whose database is not an empty one of the server that the tests of the file share. */
  readonly databaseUrls?: ReadonlyMap<string, string>;
};

/** Real node processes, each with a real Postgres database of its own. */
export class TestCluster implements AsyncDisposable {
  private constructor(
    private readonly nodes: Map<string, TestNode>,
    private readonly settings: Readonly<Record<string, string>>,
    private readonly databaseUrls: ReadonlyMap<string, string>,
  ) {}

  /** Starts `size` nodes and waits for a leader that all of them follow. */
  static async start(options: TestClusterOptions = {}): Promise<TestCluster> {
    const cluster = await TestCluster.prepare(options);
    for (const id of cluster.ids) cluster.startNode(id);
    try {
      await cluster.leader();
    } catch (error) {
      await cluster[Symbol.asyncDispose]();
      throw error;
    }
    return cluster;
  }

  /** As `start`, but none of the nodes runs yet, and their databases are empty. */
  static async prepare(options: TestClusterOptions = {}): Promise<TestCluster> {
    if (!existsSync(SERVER_ENTRY)) throw new Error(`${SERVER_ENTRY} is missing: run npm run build first`);
    const ids = Array.from({ length: options.size ?? 3 }, (_, position) => `n${position + 1}`);
    const ports = await freePorts(ids.length * 2);
    const places = ids.map((id, position) => placeOf(id, ports[position], ports[ids.length + position]));
    const peers = places.map(({ id, peerUrl }) => `${id}=${peerUrl}`).join(',');
    const cluster = new TestCluster(new Map(), options.settings ?? {}, options.databaseUrls ?? new Map());
    for (const place of places) await cluster.prepareNode(place, { LATCHKEY_PEERS: peers });
    return cluster;
  }

  /** Makes a node that joins; it is neither started nor a member yet. */
  async addNode(id: string): Promise<void> {
    const [clientPort, peerPort] = await freePorts(2);
    const place = placeOf(id, clientPort, peerPort);
    const members = [...this.nodes.values(), place].map((node) => `${node.id}=${node.peerUrl}`);
    await this.prepareNode(place, { LATCHKEY_PEERS: members.join(','), LATCHKEY_JOIN: 'true' });
  }

  get ids(): readonly string[] {
    return [...this.nodes.keys()];
  }

  get runningIds(): readonly string[] {
    return this.ids.filter((id) => this.node(id).process !== null);
  }

  get endpoints(): readonly string[] {
    return this.ids.map((id) => this.url(id));
  }

  url(id: string): string {
    return this.node(id).clientUrl;
  }

  peerUrl(id: string): string {
    return this.node(id).peerUrl;
  }

  /** As the nodes are told it. */
  get peers(): string {
    return this.ids.map((id) => `${id}=${this.peerUrl(id)}`).join(',');
  }

  databaseUrl(id: string): string {
    return this.node(id).environment['LATCHKEY_DATABASE_URL'] ?? '';
  }

  clientPort(id: string): number {
    return this.node(id).clientPort;
  }

  /** What the node has written to stdout and stderr, the last part of it. */
  output(id: string): string {
    return this.node(id).output;
  }

  /** From here on `output` is what comes. */
  forgetOutput(): void {
    for (const node of this.nodes.values()) node.output = '';
  }

  startNode(id: string): void {
    const node = this.node(id);
    node.exitCode = null;
    const child = spawn(process.execPath, [SERVER_ENTRY], {
      env: { PATH: process.env['PATH'], ...node.environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    node.process = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        node.output = (node.output + chunk.toString()).slice(-OUTPUT_KEPT_CHARACTERS);
      });
    }
    child.on('exit', (code) => {
      node.exitCode = code;
      if (node.process === child) node.process = null;
    });
  }

  /** As a power cut would: no goodbye. */
  async kill(id: string): Promise<void> {
    await this.signalAndWait(id, 'SIGKILL');
  }

  /** @returns the exit code */
  async stop(id: string): Promise<number | null> {
    return this.signalAndWait(id, 'SIGTERM');
  }

  /** Resolves with its exit code when the node has ended by itself. */
  async ended(id: string): Promise<number | null> {
    await waitFor(`${id} to end`, () => (this.node(id).process === null ? true : null), LEADER_TIMEOUT_MS);
    return this.node(id).exitCode;
  }

  pauseNode(id: string): void {
    this.node(id).process?.kill('SIGSTOP');
  }

  resumeNode(id: string): void {
    this.node(id).process?.kill('SIGCONT');
  }

  async status(id: string): Promise<NodeStatus> {
    const response = await fetch(`${this.url(id)}/v1/status`, { signal: AbortSignal.timeout(2_000) });
    if (!response.ok) throw new Error(`status of ${id}: ${response.status} ${await response.text()}`);
    return (await response.json()) as NodeStatus;
  }

  /** The leader that every running node (or every one of `among`) follows in the same term. */
  async leader(among?: readonly string[]): Promise<string> {
    return waitFor(
      () =>
        `a leader\n${this.ids.map((id) => `${id}: ${this.node(id).output.slice(-OUTPUT_TOLD_CHARACTERS)}`).join('\n')}`,
      async () => {
        const statuses = await Promise.all((among ?? this.runningIds).map((id) => this.status(id)));
        const [first] = statuses;
        const agreed = statuses.every(({ leaderId, term }) => leaderId === first?.leaderId && term === first?.term);
        const leads = statuses.some(({ nodeId, role }) => role === 'leader' && nodeId === first?.leaderId);
        return agreed && leads ? first?.leaderId : null;
      },
      LEADER_TIMEOUT_MS,
    );
  }

  async follower(): Promise<string> {
    const leader = await this.leader();
    const follower = this.runningIds.find((id) => id !== leader);
    if (follower === undefined) throw new Error('no follower is running');
    return follower;
  }

  /** Waits until all running nodes have applied the same entries. @returns their statuses */
  async settled(): Promise<readonly NodeStatus[]> {
    return waitFor('equal applied indexes', async () => {
      const statuses = await Promise.all(this.runningIds.map((id) => this.status(id)));
      const [first] = statuses;
      return statuses.every(({ appliedIndex }) => appliedIndex === first?.appliedIndex) ? statuses : null;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.runningIds.map((id) => this.kill(id)));
  }

  private async signalAndWait(id: string, signal: NodeJS.Signals): Promise<number | null> {
    const child = this.node(id).process;
    if (child === null) return null;
    const exited = once(child, 'exit');
    child.kill(signal);
    const [code] = (await exited) as [number | null];
    return code;
  }

  private async prepareNode(
    place: Pick<TestNode, 'id' | 'clientPort' | 'clientUrl' | 'peerUrl'>,
    settings: Readonly<Record<string, string>>,
  ): Promise<void> {
    this.nodes.set(place.id, {
      ...place,
      process: null,
      exitCode: null,
      output: '',
      environment: {
        LATCHKEY_NODE_ID: place.id,
        LATCHKEY_CLUSTER_ID: 'test',
        LATCHKEY_CLIENT_HOST: '127.0.0.1',
        LATCHKEY_CLIENT_PORT: String(place.clientPort),
        LATCHKEY_PEER_HOST: '127.0.0.1',
        LATCHKEY_PEER_PORT: new URL(place.peerUrl).port,
        LATCHKEY_PEER_SECRET: 'a secret of the tests',
        LATCHKEY_STORAGE: 'postgres',
        LATCHKEY_DATABASE_URL: this.databaseUrls.get(place.id) ?? (await createDatabase()),
        ...settings,
        ...this.settings,
      },
    });
  }

  private node(id: string): TestNode {
    const node = this.nodes.get(id);
    if (node === undefined) throw new Error(`no node ${id}`);
    return node;
  }
}

function placeOf(id: string, clientPort = 0, peerPort = 0) {
  return { id, clientPort, clientUrl: `http://127.0.0.1:${clientPort}`, peerUrl: `http://127.0.0.1:${peerPort}` };
}

/** Ports that were free a moment ago; asked for together, so that they differ. */
async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return ports;
}
