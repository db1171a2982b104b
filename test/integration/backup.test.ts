import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, operation, type Latchkey, type Lock } from '@latchkey/sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli } from '../support/cli.js';
import { createDatabase, queryOnce } from '../support/postgres.js';
import { TestCluster } from '../support/test-cluster.js';
import { waitFor } from '../support/wait-for.js';

/** What needs no cluster must ask none. */
const NOWHERE = ['http://127.0.0.1:9'];
const WRITERS = 4;
const WRITES_BEFORE_BACKUP = 400;
const SESSION_TTL_MS = 60_000;
const REQUEST_TIMEOUT_MS = 20_000;
/** How far a restore raises every revision; see docs/backup.md. */
const STEP = 2 ** 40;
/** Bits of the file that are flipped in the test with real processes; every one is tried in libs/backup. */
const FLIPPED_PLACES = [0, 0.1, 0.5, 0.999];

type BackupAnswer = {
  readonly revision: number;
  readonly rows: number;
  readonly bytes: number;
  readonly clusterId: string;
};

/** Writers that put a pair of keys in one transaction, over and over: `left/<n>` and `right/<n>` always have one value. */
class PairLoad {
  /** The highest value that was acknowledged, by writer. */
  readonly acknowledged: number[] = Array.from({ length: WRITERS }, () => 0);
  private isRunning = true;
  private readonly ended: Promise<unknown>;

  constructor(client: Latchkey) {
    this.ended = Promise.all(this.acknowledged.map((_, writer) => this.write(client, writer)));
  }

  get count(): number {
    return this.acknowledged.reduce((sum, value) => sum + value, 0);
  }

  async stop(): Promise<void> {
    this.isRunning = false;
    await this.ended;
  }

  private async write(client: Latchkey, writer: number): Promise<void> {
    for (let value = 1; this.isRunning; value += 1) {
      const pair = ['left', 'right'].map((side) => operation.put(`${side}/${writer}`, String(value)));
      // And one that stays, so that the rows are many.
      const kept = operation.put(`kept/${writer}/${value}`, 'x'.repeat(value % 500));
      await client.kv
        .txn()
        .then(...pair, kept)
        .commit();
      this.acknowledged[writer] = value;
    }
  }
}

let directory: string;
let file: string;
let old: TestCluster;
let oldClient: Latchkey;
let heldBefore: Lock;
let takenAfter: Lock;
/** What was acknowledged when the backup was asked for, and when its end was there. */
let before: readonly number[];
let answer: BackupAnswer;
let lastRevision: number;
let sessionLease: string;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'latchkey-backup-'));
  file = join(directory, 'cluster.backup');
  old = await TestCluster.start();
  oldClient = await clientOf(old);
  await oldClient.config('payments').set('limits/max', 100);
  await oldClient.config('payments').set('limits/max', 200);
  heldBefore = await oldClient.lock('held').acquire();
  const [holder] = (await oldClient.lock('held').inspect()).holders;
  sessionLease = holder?.lease ?? '';

  const load = new PairLoad(oldClient);
  await waitFor('some load', () => (load.count >= WRITES_BEFORE_BACKUP ? true : null), REQUEST_TIMEOUT_MS);
  before = [...load.acknowledged];
  // Not the leader, which would have had everything anyway.
  const { code, stdout, stderr } = await runCli([old.url(await old.follower())], ['backup', file, '--json']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  answer = JSON.parse(stdout) as BackupAnswer;
  const countThen = load.count;
  await waitFor('load after the backup', () => (load.count > countThen + WRITERS ? true : null));
  await load.stop();
  takenAfter = await oldClient.lock('taken-after').acquire();
  lastRevision = (await oldClient.kv.put('after', 'the backup')).revision;
}, 120_000);

afterAll(async () => {
  await oldClient.close().catch(() => undefined);
  await old[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true, force: true });
});

const clientOf = (cluster: TestCluster): Promise<Latchkey> =>
  connect({ endpoints: cluster.endpoints, sessionTtlMs: SESSION_TTL_MS, requestTimeoutMs: REQUEST_TIMEOUT_MS });

const restoreArguments = (cluster: TestCluster, id: string, clusterId: string, from = file): string[] => [
  ...['restore', from, '--node-id', id, '--cluster-id', clusterId],
  ...['--peers', cluster.peers, '--database-url', cluster.databaseUrl(id)],
];

/** @returns a cluster of three whose databases were restored; it does not run yet */
async function restoredCluster(clusterId: string): Promise<TestCluster> {
  const cluster = await TestCluster.prepare({ settings: { LATCHKEY_CLUSTER_ID: clusterId } });
  for (const id of cluster.ids) {
    const { code, stderr } = await runCli(NOWHERE, restoreArguments(cluster, id, clusterId));
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  }
  return cluster;
}

describe('a backup of a running cluster', () => {
  it('is one file that says what it is of, and that is whole', async () => {
    expect(answer).toMatchObject({ clusterId: 'test', bytes: readFileSync(file).byteLength });
    expect(answer.revision).toBeLessThan(lastRevision);
    expect(existsSync(`${file}.partial`)).toBe(false);
    for (const check of [
      ['backup', '--verify', file],
      ['restore', '--dry-run', file],
    ]) {
      const { code, stdout } = await runCli(NOWHERE, check);
      expect(code).toBe(0);
      expect(stdout).toContain(`revision ${answer.revision} of cluster test`);
      expect(stdout).toContain('undamaged');
    }
  });

  it('replaces no file that is there, unless it is told to', async () => {
    const bytes = readFileSync(file);
    const refused = await runCli(old.endpoints, ['backup', file]);
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('exists already') as unknown });
    expect(readFileSync(file).equals(bytes)).toBe(true);
    const other = join(directory, 'other.backup');
    writeFileSync(other, 'something else');
    expect((await runCli(old.endpoints, ['backup', other, '--force'])).code).toBe(0);
    expect((await runCli(NOWHERE, ['backup', '--verify', other])).code).toBe(0);
  });
});

describe('a new cluster, restored from the backup', () => {
  let cluster: TestCluster;
  let client: Latchkey;
  beforeAll(async () => {
    cluster = await restoredCluster('restored');
    for (const id of cluster.ids) cluster.startNode(id);
    await cluster.leader();
    client = await clientOf(cluster);
  }, 120_000);
  afterAll(async () => {
    await client.close();
    await cluster[Symbol.asyncDispose]();
  });

  const textOf = async (key: string): Promise<string | null> => (await client.kv.get(key))?.text() ?? null;

  it('has everything that was acknowledged before the backup began, and no half of a transaction', async () => {
    for (const [writer, acknowledged] of before.entries()) {
      const [left, right] = await Promise.all([textOf(`left/${writer}`), textOf(`right/${writer}`)]);
      expect(left).toBe(right);
      expect(Number(left)).toBeGreaterThanOrEqual(acknowledged);
      const kept = await client.kv.range({ prefix: `kept/${writer}/` }, { keysOnly: true, limit: 10_000 });
      expect(kept.count).toBe(Number(left));
    }
    expect((await client.config('payments').get('limits/max'))?.value).toBe(200);
    expect(await client.kv.get('after')).toBeNull();
  });

  it('is the same on all nodes', async () => {
    const statuses = await cluster.settled();
    expect(new Set(statuses.map(({ stateHash }) => stateHash)).size).toBe(1);
    expect(statuses.map(({ members }) => members.length)).toEqual([3, 3, 3]);
  });

  it('gives out revisions and fencing tokens above all of the old cluster, also above those after the backup', async () => {
    const { revision } = await client.kv.put('new', 'value');
    expect(revision).toBeGreaterThan(lastRevision);
    expect(revision).toBeGreaterThan(STEP);
    for (const name of ['held', 'taken-after']) {
      await using lock = await client.lock(name).acquire({ waitMs: 0 });
      expect(lock.fencingToken).toBeGreaterThan(
        Math.max(heldBefore.fencingToken, takenAfter.fencingToken, lastRevision),
      );
    }
  });

  it('has ended all leases: who held a lock in the old cluster cannot take the new one for it', async () => {
    expect(sessionLease).not.toBe('');
    const kept = await fetch(`${cluster.url('n1')}/v1/leases/${sessionLease}/keepalive`, { method: 'PUT' });
    expect([kept.status, await kept.json()]).toMatchObject([404, { code: 'LEASE_NOT_FOUND' }]);
    const again = await fetch(`${cluster.url('n1')}/v1/leases`, {
      method: 'POST',
      body: JSON.stringify({ ttlMs: SESSION_TTL_MS, id: sessionLease }),
    });
    expect(again.ok).toBe(false);
  });

  it('answers a watch from a revision of the old cluster that it is compacted', async () => {
    for (const from of [2, answer.revision, lastRevision]) {
      const response = await fetch(`${cluster.url('n2')}/v1/watch?prefix=kept/&fromRevision=${from}`);
      const text = response.headers.get('content-type')?.includes('json') === true ? await response.json() : null;
      expect([response.status, text]).toMatchObject([
        410,
        { code: 'COMPACTED', details: { compactRevision: STEP + answer.revision } },
      ]);
    }
  });

  it('goes on like any other: over a restart of all its nodes, and with a backup and a restore of its own', async () => {
    await client.kv.put('new', 'before the restart');
    await Promise.all(cluster.ids.map((id) => cluster.kill(id)));
    for (const id of cluster.ids) cluster.startNode(id);
    await cluster.leader();
    expect(await textOf('new')).toBe('before the restart');
    const second = join(directory, 'second.backup');
    expect((await runCli(cluster.endpoints, ['backup', second, '--json'])).code).toBe(0);
    const target = await TestCluster.prepare({ size: 1, settings: { LATCHKEY_CLUSTER_ID: 'third' } });
    expect((await runCli(NOWHERE, restoreArguments(target, 'n1', 'third', second))).code).toBe(0);
    await using third = target;
    third.startNode('n1');
    await third.leader();
    const put = await fetch(`${third.url('n1')}/v1/kv/new`, {
      method: 'PUT',
      body: JSON.stringify({ value: 'third' }),
    });
    expect(((await put.json()) as { readonly revision: number }).revision).toBeGreaterThan(2 * STEP);
  }, 120_000);
});

describe('a restore that must not be', () => {
  it.each(FLIPPED_PLACES)(
    'is refused when a bit of the file is another (at %d of it), and touches nothing',
    async (place) => {
      const bytes = readFileSync(file);
      const at = Math.floor(bytes.byteLength * place);
      bytes[at] = (bytes[at] ?? 0) ^ 4;
      const damaged = join(directory, 'damaged.backup');
      writeFileSync(damaged, bytes);
      await expectRefusal(damaged, /damaged/);
      expect((await runCli(NOWHERE, ['backup', '--verify', damaged])).code).toBe(1);
    },
  );

  it('is refused when the file is cut off', async () => {
    const cut = join(directory, 'cut.backup');
    writeFileSync(cut, readFileSync(file).subarray(0, -1));
    await expectRefusal(cut, /ends too early/);
  });

  it('is refused for a cluster that has the id of the old one', async () => {
    await expectRefusal(file, /same id, test/, { clusterId: 'test' });
  });

  it('is refused for a database that holds a node, of whichever cluster, and leaves it as it is', async () => {
    await expectRefusal(file, /belongs to node n1 of cluster test/, { databaseUrl: old.databaseUrl('n1') });
    const restored = await restoredOnce();
    await expectRefusal(file, /holds the data of a node already/, { databaseUrl: restored });
  });

  it('says which argument is missing, or wrong', async () => {
    expect((await runCli(NOWHERE, ['restore', file, '--node-id', 'n1'])).stderr).toMatch(/--cluster-id is missing/);
    expect((await runCli(NOWHERE, ['restore', join(directory, 'none')])).stderr).toMatch(/--node-id is missing/);
    expect((await runCli(NOWHERE, ['backup', '--verify', join(directory, 'none')])).stderr).toMatch(/there is no file/);
    const wrongPeers = await runCli(NOWHERE, [
      ...['restore', file, '--node-id', 'n1', '--cluster-id', 'x', '--peers', 'n2=http://127.0.0.1:1'],
      ...['--database-url', 'postgres://nowhere/x'],
    ]);
    expect(wrongPeers).toMatchObject({ code: 2, stderr: expect.stringContaining('LATCHKEY_PEERS') as unknown });
  });

  const PEERS = 'n1=http://127.0.0.1:7401';

  async function restoredOnce(): Promise<string> {
    const databaseUrl = await createDatabase();
    const { code } = await restoreInto(databaseUrl, 'restored', file);
    expect(code).toBe(0);
    return databaseUrl;
  }

  function restoreInto(databaseUrl: string, clusterId: string, from: string) {
    const target = ['--node-id', 'n1', '--cluster-id', clusterId, '--peers', PEERS, '--database-url', databaseUrl];
    return runCli(NOWHERE, ['restore', from, ...target]);
  }

  async function expectRefusal(
    from: string,
    reason: RegExp,
    given: { readonly clusterId?: string; readonly databaseUrl?: string } = {},
  ): Promise<void> {
    const databaseUrl = given.databaseUrl ?? (await createDatabase());
    const tables = await tableCount(databaseUrl);
    const { code, stdout, stderr } = await restoreInto(databaseUrl, given.clusterId ?? 'restored', from);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(reason);
    expect(await tableCount(databaseUrl)).toBe(tables);
  }
});

describe('a data directory of `latchkey up`, restored from the backup', () => {
  it('holds a cluster that is not there before, and none when the restore failed', async () => {
    const data = join(directory, 'data');
    const bad = join(directory, 'bad.backup');
    writeFileSync(bad, readFileSync(file).subarray(0, 1_000));
    expect((await runCli(NOWHERE, ['restore', bad, '--data-dir', data, '--nodes', '1'])).code).toBe(1);
    expect(existsSync(data)).toBe(false);
    const { code, stdout, stderr } = await runCli(NOWHERE, [
      'restore',
      file,
      '--data-dir',
      data,
      '--nodes',
      '1',
      '--json',
    ]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const { clusterId } = JSON.parse(stdout) as { readonly clusterId: string };
    expect(readFileSync(join(data, 'cluster.yaml'), 'utf8')).toContain(`clusterId: ${clusterId}`);
    expect(existsSync(join(data, 'up.pid'))).toBe(false);
    const again = await runCli(NOWHERE, ['restore', file, '--data-dir', data]);
    expect(again).toMatchObject({ code: 1, stderr: expect.stringContaining('holds a cluster already') as unknown });
  }, 60_000);
});

async function tableCount(databaseUrl: string): Promise<number> {
  const [row] = await queryOnce(
    databaseUrl,
    `SELECT count(*)::int AS count FROM information_schema.tables WHERE table_schema = 'latchkey'`,
  );
  return Number(row?.['count']);
}
