import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { findFreePort } from '../postgres/free-port.js';
import type { StorageKind } from '../cluster/cluster-description.js';
import type { Environment } from '../cluster/node-environment.js';
import { readClusterFile } from '../cluster/cluster-file.js';
import { planCluster } from './cluster-plan.js';
import { ClusterSupervisor } from './cluster-supervisor.js';
import { viewCluster, waitForCluster } from './cluster-view.js';
import { dataDirectory, type DataDirectory } from './data-directory.js';
import type { DatabaseStarter } from './embedded-database.js';
import { isRunning } from './process-identity.js';

const FAKE_NODE = fileURLToPath(new URL('./test-support/fake-node.mjs', import.meta.url));
const LIMIT_MS = 10_000;
const NODE_COUNT = 2;

let data: DataDirectory;
let supervisor: ClusterSupervisor | null = null;
beforeEach(() => {
  data = dataDirectory(mkdtempSync(join(tmpdir(), 'latchkey-up-')));
});
afterEach(async () => {
  await supervisor?.stop();
  supervisor = null;
  rmSync(data.root, { recursive: true });
});

type Happening = { readonly order: string[]; readonly died: [string, number | null][] };

/** No database runs; what counts here is when it is started and stopped. */
function fakeDatabases({ order }: Happening): DatabaseStarter {
  return ({ dataDirectory: directory, port = 5_000 }) => {
    const id = directory.split('/').at(-2) ?? '';
    order.push(`start database ${id}`);
    const stop = (): Promise<void> => {
      order.push(`stop database ${id}`);
      return Promise.resolve();
    };
    return Promise.resolve({ url: `postgres://fake/${id}`, port, pid: process.pid, stop });
  };
}

async function supervise(
  storage: StorageKind,
  environment: Environment = {},
): Promise<{ supervisor: ClusterSupervisor; happening: Happening }> {
  const happening: Happening = { order: [], died: [] };
  const description = planCluster(data, { nodeCount: NODE_COUNT, storage, clientPort: 1, peerPort: 1 });
  const nodes = await Promise.all(
    description.nodes.map(async (node) => ({ ...node, client: { host: '127.0.0.1', port: await findFreePort() } })),
  );
  supervisor = new ClusterSupervisor({
    data,
    description: { ...description, nodes },
    serverEntry: FAKE_NODE,
    startDatabase: fakeDatabases(happening),
    environment: { PATH: process.env['PATH'], ...environment },
    onNotice: () => undefined,
    onDied: ({ id, exit, restartInMs }) => {
      happening.order.push(`${id} died by ${exit.signal ?? exit.code}`);
      happening.died.push([id, restartInMs]);
    },
  });
  return { supervisor, happening };
}

function writtenClusterId(): string {
  return readClusterFile(data.clusterFile).clusterId;
}

async function startAndWait(started: ClusterSupervisor): Promise<void> {
  await started.start();
  const endpoints = started.states.map((node) => ({ id: node.id, url: node.clientUrl }));
  const clusterId = writtenClusterId();
  expect(await waitForCluster({ clusterId, endpoints }, LIMIT_MS, new AbortController().signal)).toMatchObject({
    leaderId: 'n1',
  });
  started.startCompleted();
}

function writtenState(): { readonly nodes: readonly { readonly process: { readonly pid: number } | null }[] } {
  return JSON.parse(readFileSync(data.stateFile, 'utf8')) as ReturnType<typeof writtenState>;
}

function pidOf(started: ClusterSupervisor, at: number): number {
  return started.states[at]?.process?.pid ?? 0;
}

describe('a supervised cluster', () => {
  it('gives each node its own database, and writes down what runs', async () => {
    const { supervisor: started } = await supervise('postgres');
    await startAndWait(started);
    const answer = await fetch(`${started.states[1]?.clientUrl ?? ''}/v1/status`);
    const { environment } = (await answer.json()) as { readonly environment: Record<string, string> };
    expect(environment['LATCHKEY_DATABASE_URL']).toBe('postgres://fake/n2');
    expect(writtenState().nodes.map((node) => node.process?.pid)).toEqual([pidOf(started, 0), pidOf(started, 1)]);
  });

  it('does not take a stranger that answers on its ports for its own', async () => {
    const { supervisor: started } = await supervise('memory');
    await startAndWait(started);
    const endpoints = started.states.map((node) => ({ id: node.id, url: node.clientUrl }));
    const view = await viewCluster('another-cluster', endpoints);
    expect(view).toEqual({
      leaderId: null,
      nodes: new Map([
        ['n1', null],
        ['n2', null],
      ]),
    });
  });

  it('stops every node before any database, and leaves no process', async () => {
    const { supervisor: started, happening } = await supervise('postgres');
    await startAndWait(started);
    const identities = started.states.flatMap((node) => (node.process === null ? [] : [node.process]));
    expect(identities).toHaveLength(NODE_COUNT);
    await started.stop();
    expect(identities.filter(isRunning)).toEqual([]);
    expect(happening.order.slice(-NODE_COUNT).toSorted()).toEqual(['stop database n1', 'stop database n2']);
    expect(() => writtenState()).toThrow(/ENOENT/);
  });

  it('starts a node again that died, as a new process on the same database', async () => {
    const { supervisor: started, happening } = await supervise('postgres');
    await startAndWait(started);
    const before = pidOf(started, 1);
    process.kill(before, 'SIGKILL');
    await vi.waitUntil(() => ![0, before].includes(pidOf(started, 1)), { timeout: LIMIT_MS });
    expect(happening.died).toEqual([['n2', 250]]);
    expect(started.states[1]?.restarts).toBe(1);
    expect(happening.order.filter((what) => what === 'start database n2')).toHaveLength(1);
  });

  it('leaves a node without storage down: it has forgotten its votes', async () => {
    const { supervisor: started, happening } = await supervise('memory');
    await startAndWait(started);
    process.kill(pidOf(started, 1), 'SIGKILL');
    await vi.waitUntil(() => happening.died.length > 0, { timeout: LIMIT_MS });
    expect(happening.died).toEqual([['n2', null]]);
    expect(happening.order).toEqual(['n2 died by SIGKILL']);
  });

  it('leaves a node down that the cluster has removed, also at the next start', async () => {
    const { supervisor: started, happening } = await supervise('postgres');
    await startAndWait(started);
    process.kill(pidOf(started, 1), 'SIGUSR2');
    await vi.waitUntil(() => happening.died.length > 0, { timeout: LIMIT_MS });
    expect(happening.died).toEqual([['n2', null]]);
    await started.stop();
    const { supervisor: again, happening: later } = await supervise('postgres');
    await again.start();
    expect(again.states.map(({ id, removed, process: running }) => [id, removed, running === null])).toEqual([
      ['n1', false, false],
      ['n2', true, true],
    ]);
    expect(later.order).toEqual(['start database n1']);
  });

  it('fails as a whole, with the reason, when a node refuses its settings at the start', async () => {
    const { supervisor: started } = await supervise('memory', { LATCHKEY_LOG_LEVEL: 'refused' });
    await started.start();
    await expect(started.startFailure).rejects.toThrow(
      /node n\d did not start: LATCHKEY_LOG_LEVEL: "refused" is not a level/,
    );
  });

  it('ends all processes at once when forced', async () => {
    const { supervisor: started } = await supervise('memory');
    await startAndWait(started);
    const identities = started.states.flatMap((node) => (node.process === null ? [] : [node.process]));
    started.kill();
    await vi.waitUntil(() => identities.every((identity) => !isRunning(identity)), { timeout: LIMIT_MS });
  });
});
