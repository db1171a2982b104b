import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { identityOf } from '../../apps/cli/src/supervisor/process-identity.js';
import { TestCluster } from '../support/test-cluster.js';

const CLI_ENTRY = fileURLToPath(new URL('../../apps/cli/bin/latchkey.mjs', import.meta.url));
const SHORT_TTL = '1s';
const LIMIT_MS = 60_000;

type Ended = { readonly code: number | null; readonly stdout: string; readonly stderr: string };

const started = new Set<ChildProcess>();
afterEach(() => {
  for (const child of started) child.kill('SIGKILL');
  started.clear();
});

/** Runs the built command line. Its stdout can be read line by line while it runs. */
function start(args: readonly string[], environment: Readonly<Record<string, string>> = {}) {
  const child = spawn(process.execPath, [CLI_ENTRY, ...args], {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  started.add(child);
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ended = once(child, 'close').then(([code]): Ended => ({ code: code as number | null, stdout, stderr }));
  const nextLine = async (): Promise<string> => {
    const line = await lines.next();
    if (line.done === true) throw new Error(`the command ended early: ${(await ended).stderr}`);
    return line.value;
  };
  return { child, ended, nextLine };
}

function run(args: readonly string[], environment?: Readonly<Record<string, string>>): Promise<Ended> {
  return start(args, environment).ended;
}

describe('latchkey on a cluster', () => {
  let cluster: TestCluster;
  let environment: Readonly<Record<string, string>>;
  beforeAll(async () => {
    cluster = await TestCluster.start();
    environment = { LATCHKEY_ENDPOINTS: cluster.endpoints.join(',') };
  });
  afterAll(() => cluster[Symbol.asyncDispose]());

  const latchkey = (...args: string[]): Promise<Ended> => run(args, environment);
  const json = async (...args: string[]): Promise<unknown> => JSON.parse((await latchkey(...args, '--json')).stdout);

  it('shows every node and the leader', async () => {
    expect((await latchkey('status')).stdout).toMatch(/^NODE +ROLE +ENDPOINT/);
    expect(await json('status')).toMatchObject({ leaderId: expect.stringMatching(/^n\d$/) });
  });

  it('writes, reads, lists and deletes keys, and says by its exit code what was not there', async () => {
    expect((await latchkey('kv', 'put', 'cli/a', 'hello')).code).toBe(0);
    expect((await latchkey('kv', 'get', 'cli/a')).stdout).toBe('hello\n');
    expect(await json('kv', 'range', 'cli/')).toMatchObject({ count: 1, entries: [{ key: 'cli/a', value: 'hello' }] });
    const conditional = await latchkey('kv', 'put', 'cli/a', 'again', '--if-revision', '0');
    expect(conditional.code).toBe(5);
    expect((await latchkey('kv', 'delete', 'cli/a')).code).toBe(0);
    expect(await latchkey('kv', 'get', 'cli/a')).toEqual({
      code: 4,
      stdout: '',
      stderr: 'latchkey: there is no key cli/a\n',
    });
  });

  it('keeps the history of a configuration key, and rolls it back', async () => {
    const first = (await json('config', 'set', 'payments/limits/max', '100')) as { readonly revision: number };
    await latchkey('config', 'set', 'payments/limits/max', '200');
    await latchkey('config', 'rollback', 'payments/limits/max', '--to', String(first.revision));
    expect((await latchkey('config', 'get', 'payments/limits/max')).stdout).toBe('100\n');
    const history = await json('config', 'history', 'payments/limits/max');
    expect(history).toMatchObject({ versions: [{ value: 100 }, { value: 200 }, { value: 100 }] });
  });

  it('watches configuration from a revision on, until it is interrupted', async () => {
    const first = (await json('config', 'set', 'shop/open', 'true')) as { readonly revision: number };
    const watch = start(['config', 'watch', 'shop', '--json', '--from-revision', String(first.revision)], environment);
    expect(JSON.parse(await watch.nextLine())).toMatchObject({ type: 'set', key: 'open', value: true });
    await latchkey('config', 'delete', 'shop/open');
    expect(JSON.parse(await watch.nextLine())).toMatchObject({ type: 'delete', key: 'open' });
    watch.child.kill('SIGINT');
    expect((await watch.ended).code).toBe(0);
  });

  it('runs a command under a lock, hands it the fencing token, and exits with its status', async () => {
    const first = await latchkey('lock', 'job', '--', 'sh', '-c', 'echo $LATCHKEY_FENCING_TOKEN; exit 42');
    const second = await latchkey('lock', 'job', '--', 'sh', '-c', 'echo $LATCHKEY_FENCING_TOKEN');
    expect([first.code, second.code]).toEqual([42, 0]);
    expect(Number(second.stdout)).toBeGreaterThan(Number(first.stdout));
    expect((await latchkey('lock', 'job', '--', 'no-such-command')).code).toBe(127);
  });

  it('refuses a held lock in time, shows its holder, and passes Ctrl-C on to the command', async () => {
    const holder = start(['lock', 'held', '--', 'sh', '-c', 'echo holding; exec sleep 60'], environment);
    expect(await holder.nextLine()).toBe('holding');
    const refused = await latchkey('lock', 'held', '--wait', '0s', '--', 'echo', 'must not run');
    expect(refused).toMatchObject({ code: 4, stdout: '' });
    expect(await json('locks', 'held')).toMatchObject({ holders: [{ owner: { pid: holder.child.pid } }] });
    holder.child.kill('SIGINT');
    expect((await holder.ended).code).toBe(130);
    expect((await latchkey('locks', 'held')).stdout).toBe('held is free\n');
  });

  it('stops the command when the lock is lost', async () => {
    const args = [
      'lock',
      'lost',
      '--ttl',
      SHORT_TTL,
      '--',
      'sh',
      '-c',
      'trap "echo stopped; exit 0" TERM; echo holding; while :; do sleep 0.05; done',
    ];
    const holder = start(args, environment);
    expect(await holder.nextLine()).toBe('holding');
    const { holders } = (await json('locks', 'lost')) as { readonly holders: readonly { readonly lease: string }[] };
    await latchkey('lease', 'revoke', holders[0]?.lease ?? '');
    const { code, stdout, stderr } = await holder.ended;
    expect({ code, stdout }).toEqual({ code: 6, stdout: 'holding\nstopped\n' });
    // The shell may say "Terminated" before.
    expect(stderr).toMatch(/^latchkey: lost the lock lost, stopped the command/m);
  });

  it('leads until Ctrl-C, and the next candidate follows', async () => {
    const leader = start(['elect', 'scheduler', 'host-a', '--json'], environment);
    expect(JSON.parse(await leader.nextLine())).toMatchObject({ event: 'elected', value: 'host-a' });
    const next = start(['elect', 'scheduler', 'host-b', '--json'], environment);
    leader.child.kill('SIGINT');
    expect((await leader.ended).code).toBe(0);
    expect(JSON.parse(await next.nextLine())).toMatchObject({ event: 'elected', value: 'host-b' });
  });

  it('grants, lists, renews and revokes a lease, and its key goes with it', async () => {
    const id = (await latchkey('lease', 'grant', '30s')).stdout.trim();
    await latchkey('kv', 'put', 'cli/leased', 'x', '--lease', id);
    expect((await latchkey('lease', 'list')).stdout).toContain(id);
    expect((await latchkey('lease', 'keepalive', id, '--once')).code).toBe(0);
    expect((await latchkey('lease', 'revoke', id)).code).toBe(0);
    expect((await latchkey('kv', 'get', 'cli/leased')).code).toBe(4);
    expect((await latchkey('lease', 'revoke', id)).code).toBe(4);
  });

  it('answers errors as JSON when asked for JSON', async () => {
    const { code, stderr } = await latchkey('kv', 'get', 'nothing', '--json');
    expect(code).toBe(4);
    expect(JSON.parse(stderr)).toMatchObject({ error: { message: 'there is no key nothing' } });
  });
});

describe('latchkey without a cluster', () => {
  it.each([
    [
      'a duration without a unit',
      ['kv', 'get', 'a', '--timeout', '5'],
      2,
      /^latchkey: duration "5" has no unit: write 5s or 5ms\n$/,
    ],
    ['an unknown command', ['frobnicate'], 2, /^latchkey: unknown command 'frobnicate'[^\n]*\n$/],
    [
      'an endpoint that is none',
      ['status', '--endpoints', 'nowhere:x'],
      2,
      /^latchkey: endpoint "nowhere:x" must be like[^\n]*\n$/,
    ],
    [
      'a missing cluster file',
      ['node', '--config', '/nonexistent.yaml', '--id', 'n1'],
      2,
      /^latchkey: there is no cluster file[^\n]*\n$/,
    ],
    [
      'nobody at the endpoint',
      ['kv', 'get', 'a', '--timeout', '1s', '--endpoints', 'http://127.0.0.1:9'],
      3,
      /^latchkey: no connection within[^\n]*\n$/,
    ],
  ])('says what is wrong on one line: %s', async (_situation, args, code, line) => {
    const ended = await run(args);
    expect(ended.code).toBe(code);
    expect(ended.stderr).toMatch(line);
  });

  it('says how to build it before it was built', () => {
    const clone = mkdtempSync(join(tmpdir(), 'latchkey-not-built-'));
    const launcher = join(clone, 'apps/cli/bin/latchkey.mjs');
    cpSync(CLI_ENTRY, launcher);
    const ended = spawnSync(process.execPath, [launcher, 'status'], { encoding: 'utf8' });
    rmSync(clone, { recursive: true });
    expect(ended).toMatchObject({ status: 1, stdout: '' });
    expect(ended.stderr).toMatch(/^latchkey: not built yet; `npm run build`[^\n]*\n$/);
  });
});

describe('latchkey up and node', () => {
  let directory: string;
  let clientPort: number;
  let peerPort: number;
  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'latchkey-cli-'));
    clientPort = await freeRange();
    peerPort = clientPort + 3;
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  const place = (): readonly string[] => [
    ...['--data', join(directory, 'data')],
    ...['--client-port', String(clientPort)],
    ...['--peer-port', String(peerPort)],
  ];
  const up = (...more: string[]) => start(['up', '--json', ...place(), ...more]);
  const ready = async (running: ReturnType<typeof start>): Promise<Readonly<Record<string, unknown>>> => {
    for (;;) {
      const event = JSON.parse(await running.nextLine()) as Readonly<Record<string, unknown>>;
      if (event['event'] === 'ready') return event;
    }
  };
  const stop = async (running: ReturnType<typeof start>): Promise<number | null> => {
    running.child.kill('SIGINT');
    return (await running.ended).code;
  };
  const runningProcesses = (): readonly number[] => {
    const state = JSON.parse(readFileSync(join(directory, 'data/cluster.json'), 'utf8')) as {
      readonly nodes: readonly Readonly<Record<'process' | 'postgres', { readonly pid: number } | null>>[];
    };
    return state.nodes
      .flatMap((node) => [node.process, node.postgres])
      .flatMap((known) => (known === null ? [] : [known.pid]));
  };
  const client = (): Readonly<Record<string, string>> => ({
    LATCHKEY_ENDPOINTS: `http://127.0.0.1:${clientPort},${clientPort + 1},${clientPort + 2}`,
  });

  it('runs three nodes, keeps the data over a stop, restarts a node that died, and leaves no process', async () => {
    const first = up();
    await ready(first);
    expect((await run(['kv', 'put', 'kept', 'yes'], client())).code).toBe(0);
    const processes = runningProcesses();
    expect(processes).toHaveLength(6);
    process.kill(processes[0] ?? 0, 'SIGKILL');
    await vi.waitUntil(() => !runningProcesses().includes(processes[0] ?? 0) && runningProcesses().length === 6, {
      timeout: LIMIT_MS,
    });
    const all = [...processes.slice(1), ...runningProcesses()];
    expect(await stop(first)).toBe(0);
    expect(all.filter(isAlive)).toEqual([]);

    const second = up();
    await ready(second);
    expect((await run(['kv', 'get', 'kept'], client())).stdout).toBe('yes\n');
    const refused = await up().ended;
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain(`another \\"latchkey up\\" (pid ${second.child.pid}) already runs`);
    expect(await stop(second)).toBe(0);
  }, 180_000);

  it('stops what a killed one left running, and starts on the same data', async () => {
    const killed = up();
    await ready(killed);
    expect((await run(['kv', 'put', 'kept', 'yes'], client())).code).toBe(0);
    const left = runningProcesses();
    killed.child.kill('SIGKILL');
    await killed.ended;
    const next = up();
    await ready(next);
    expect(left.filter(isAlive)).toEqual([]);
    expect((await run(['kv', 'get', 'kept'], client())).stdout).toBe('yes\n');
    expect(await stop(next)).toBe(0);
  }, 180_000);

  it('names a port that is in use, and starts nothing', async () => {
    const server = createServer().listen(peerPort + 1, '127.0.0.1');
    await once(server, 'listening');
    const { code, stderr } = await up('--storage', 'memory').ended;
    server.close();
    expect(code).toBe(1);
    expect(stderr).toContain(`port ${peerPort + 1} (peers of n2) is already in use`);
  });

  it('names the setting that a node refuses', async () => {
    const { code, stderr } = await run(['up', '--storage', 'memory', ...place()], { LATCHKEY_HEARTBEAT_MS: 'soon' });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^latchkey: node n\d did not start: LATCHKEY_HEARTBEAT_MS[^\n]*\n$/);
  });

  it('runs a single node from a cluster file, the environment winning over the file', async () => {
    const file = join(directory, 'cluster.yaml');
    const node = `{ id: n1, peerUrl: "http://127.0.0.1:${peerPort}", client: { port: 1 } }`;
    writeFileSync(file, `clusterId: single\nsecret: only-for-this-test\nstorage: memory\nnodes: [${node}]\n`);
    const running = start(['node', '--config', file, '--id', 'n1'], { LATCHKEY_CLIENT_PORT: String(clientPort) });
    const endpoint = ['--endpoints', `http://127.0.0.1:${clientPort}`];
    await vi.waitUntil(async () => (await run(['status', ...endpoint])).code === 0, { timeout: LIMIT_MS });
    expect((await run(['kv', 'put', 'a', 'b', ...endpoint])).code).toBe(0);
    running.child.kill('SIGTERM');
    expect((await running.ended).code).toBe(0);
  });
});

/** Not one that has ended and was not waited for yet: who inherits the processes of a killed parent may take a second for it. */
const isAlive = (pid: number): boolean => identityOf(pid) !== null;

/** Six neighbouring ports; the first of them. */
async function freeRange(): Promise<number> {
  const WIDTH = 6;
  for (let first = 21_000 + (process.pid % 1_000) * WIDTH; ; first += WIDTH) {
    const servers = Array.from({ length: WIDTH }, (_, at) => createServer().listen(first + at, '127.0.0.1'));
    const free = await Promise.all(
      servers.map((server) =>
        Promise.race([once(server, 'listening').then(() => true), once(server, 'error').then(() => false)]).catch(
          () => false,
        ),
      ),
    );
    for (const server of servers) server.close();
    if (free.every(Boolean)) return first;
  }
}
