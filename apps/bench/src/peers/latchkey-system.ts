import { connect } from '@latchkey/sdk';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { freePorts } from './free-ports.js';
import { connectOneOfMany } from './latchkey-crowd.js';
import { LatchkeyClient } from './latchkey-client.js';
import { MemberProcess } from './member-process.js';
import { MEMBER_COUNT } from './member-group.js';
import { pollFor } from './poll.js';
import type { Client, Cluster, Member, Purpose, System } from './system.js';

const CLI_ENTRY = fileURLToPath(new URL('../../../../../cli/apps/cli/src/main.js', import.meta.url));
const SETTLE_LIMIT_MS = 60_000;
const ANSWER_LIMIT_MS = 1_000;
/** `up` counts its ports upwards from the first; the highest of them must exist. */
const FIRST_PORT_MAX = 65_000;

type RunningNode = Member & { readonly clientUrl: string };

/** Three nodes, each on a Postgres of its own, brought up by `latchkey up` as a user would. */
export const latchkeySystem: System = {
  name: 'latchkey',
  title: 'Latchkey',
  abilities: ['kv', 'lock', 'watch', 'leader'],
  missing: () => null,
  version: workingTree,
  create: async (directory) => new LatchkeyCluster(directory, await firstPort(), await firstPort()),
};

class LatchkeyCluster implements Cluster {
  #up: MemberProcess | null = null;

  constructor(
    private readonly directory: string,
    private readonly clientPort: number,
    private readonly peerPort: number,
  ) {}

  async start(): Promise<void> {
    await this.revive();
    await this.settledLeader();
  }

  members(): readonly RunningNode[] {
    const text = readFileSync(join(this.directory, 'data', 'cluster.json'), 'utf8');
    // Written by `up` in this shape; a file of another shape would fail at the first use.
    const state = JSON.parse(text) as {
      nodes: { id: string; clientUrl: string; process: { pid: number } | null; postgres: { pid: number } | null }[];
    };
    return state.nodes.flatMap(({ id, clientUrl, process: node, postgres }) =>
      node === null ? [] : [{ id, clientUrl, pid: node.pid, otherPids: postgres === null ? [] : [postgres.pid] }],
    );
  }

  async connect(purpose: Purpose): Promise<Client> {
    const endpoints = this.members().map(({ clientUrl }) => clientUrl);
    if (purpose === 'crowd') return new LatchkeyClient(await connectOneOfMany(endpoints));
    if (purpose === 'failover') return new LatchkeyClient(await connect({ endpoints }));
    return new LatchkeyClient(await connect({ endpoints: [(await this.settledLeader()).clientUrl] }));
  }

  settledLeader(): Promise<RunningNode> {
    return pollFor({
      what: 'three nodes that are ready and follow one leader',
      timeoutMs: SETTLE_LIMIT_MS,
      assertPossible: () => this.#up?.assertRuns(),
      read: async () => {
        const nodes = this.members();
        if (nodes.length < MEMBER_COUNT) return null;
        const [leader, ...others] = await Promise.all(nodes.map(({ clientUrl }) => leaderOnceReady(clientUrl)));
        return others.every((other) => other === leader) ? (nodes.find(({ id }) => id === leader) ?? null) : null;
      },
    });
  }

  /** `up` itself starts a node again that has died. */
  revive(): Promise<void> {
    if (this.#up?.runs !== true) {
      const ports = ['--client-port', String(this.clientPort), '--peer-port', String(this.peerPort)];
      this.#up = new MemberProcess({
        command: process.execPath,
        arguments: [CLI_ENTRY, 'up', '--stop-with-stdin', '--data', join(this.directory, 'data'), ...ports],
        logFile: join(this.directory, 'up.log'),
        stopSignal: 'SIGINT',
      });
    }
    return Promise.resolve();
  }

  async halt(): Promise<void> {
    await this.#up?.stop();
  }

  stop(): Promise<void> {
    return this.halt();
  }
}

async function leaderOnceReady(clientUrl: string): Promise<string | null> {
  const limit = () => ({ signal: AbortSignal.timeout(ANSWER_LIMIT_MS) });
  const ready = await fetch(`${clientUrl}/readyz`, limit());
  if (!ready.ok) throw new Error(`${clientUrl} is not ready`);
  const response = await fetch(`${clientUrl}/v1/status`, limit());
  const status = (await response.json()) as { leaderId: string | null };
  return status.leaderId;
}

/** The commit that was built, as far as git knows. */
async function workingTree(): Promise<string> {
  const folder = dirname(fileURLToPath(import.meta.url));
  const asked = promisify(execFile)('git', ['describe', '--always', '--dirty'], { cwd: folder });
  return asked.then(
    ({ stdout }) => stdout.trim(),
    () => 'unknown',
  );
}

async function firstPort(): Promise<number> {
  const [port = FIRST_PORT_MAX] = await freePorts(1);
  return Math.min(port, FIRST_PORT_MAX);
}
