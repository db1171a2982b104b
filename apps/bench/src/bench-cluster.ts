import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { poll } from './cluster/poll.js';

const CLI_ENTRY = fileURLToPath(new URL('../../../../cli/apps/cli/src/main.js', import.meta.url));
const START_TIMEOUT_MS = 60_000;

export type BenchNode = {
  readonly id: string;
  readonly clientUrl: string;
  readonly pid: number;
  readonly postgresPid: number | null;
};

/** Three nodes on fresh data of their own, brought up by `latchkey up` as a user would. */
export class BenchCluster implements AsyncDisposable {
  private constructor(
    private readonly directory: string,
    private readonly up: ChildProcess,
  ) {}

  static async start(): Promise<BenchCluster> {
    const directory = mkdtempSync(join(tmpdir(), 'latchkey-bench-'));
    const clientPort = await freePortRange();
    const peerPort = clientPort + PORTS_APART;
    const arguments_ = [
      'up',
      '--data',
      directory,
      '--client-port',
      String(clientPort),
      '--peer-port',
      String(peerPort),
    ];
    const up = spawn(process.execPath, [CLI_ENTRY, ...arguments_], { stdio: ['ignore', 'ignore', 'inherit'] });
    const cluster = new BenchCluster(directory, up);
    const started = await poll('the cluster to start', START_TIMEOUT_MS, async () =>
      up.exitCode === null ? cluster.leader() : ('ended' as const),
    );
    if (started === 'ended') throw new Error(`latchkey up ended with ${up.exitCode}`);
    return cluster;
  }

  get endpoints(): readonly string[] {
    return this.nodes().map(({ clientUrl }) => clientUrl);
  }

  /** The nodes that run at the moment. */
  nodes(): readonly BenchNode[] {
    const state = JSON.parse(readFileSync(join(this.directory, 'cluster.json'), 'utf8')) as {
      nodes: { id: string; clientUrl: string; process: { pid: number } | null; postgres: { pid: number } | null }[];
    };
    return state.nodes.flatMap(({ id, clientUrl, process: node, postgres }) =>
      node === null ? [] : [{ id, clientUrl, pid: node.pid, postgresPid: postgres?.pid ?? null }],
    );
  }

  /** The node that all running ones take for the leader, or null when they do not agree (yet). */
  async leader(): Promise<BenchNode | null> {
    try {
      const nodes = this.nodes();
      const leaders = await Promise.all(nodes.map(({ clientUrl }) => leaderAccordingTo(clientUrl)));
      const [leader] = leaders;
      if (nodes.length < 3 || leaders.some((other) => other !== leader)) return null;
      return nodes.find(({ id }) => id === leader) ?? null;
    } catch {
      return null;
    }
  }

  /** Waits until all three nodes run, have caught up, and follow one leader. */
  settledLeader(): Promise<BenchNode> {
    return poll('one leader of all nodes', START_TIMEOUT_MS, async () =>
      (await this.allReady()) ? this.leader() : null,
    );
  }

  private async allReady(): Promise<boolean> {
    const isReady = ({ clientUrl }: BenchNode) =>
      fetch(`${clientUrl}/readyz`, { signal: AbortSignal.timeout(1_000) }).then(
        ({ ok }) => ok,
        () => false,
      );
    return (await Promise.all(this.nodes().map(isReady))).every(Boolean);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.up.exitCode === null) {
      const exited = once(this.up, 'exit');
      this.up.kill('SIGINT');
      await exited;
    }
    rmSync(this.directory, { recursive: true, force: true });
  }
}

const PORTS_APART = 10;

async function leaderAccordingTo(clientUrl: string): Promise<string | null> {
  const response = await fetch(`${clientUrl}/v1/status`, { signal: AbortSignal.timeout(1_000) });
  const status = (await response.json()) as { leaderId: string | null };
  return status.leaderId;
}

/** A free port with, most likely, free ones behind it; `up` checks and says so if not. */
async function freePortRange(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return Math.min(port, 65_000);
}
