import { once } from 'node:events';
import { createServer, request, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { verifyBackup } from '@latchkey/backup';
import { logIndex, nodeId, term, type LogIndex } from '@latchkey/raft';
import { LogStoreError, ReplicaError, type CheckpointView, type StateRow } from '@latchkey/replica';
import { encodeCommandBatch, key, StateMachine } from '@latchkey/state-machine';
import { afterEach, describe, expect, it } from 'vitest';
import { MAX_CONCURRENT_BACKUPS, Backups, type OpenBackup } from './backups.js';
import { sendBackup, type SendResult } from './send-backup.js';

const APPLIED = 5;
const ROWS = 400;
const ROW_BYTES = 32 * 1024;
const SHORT_STALL_MS = 50;
/** More than all buffers between two sockets take. */
const MANY_ROWS = 2_000;

const MEMBERSHIP = { voters: [nodeId('n1')], votersOutgoing: [], learners: [nodeId('n2')] };

/** A real meta row, and rows that look like many keys. */
function rowsOf(count: number): StateRow[] {
  const machine = new StateMachine();
  const put = { type: 'put', key: key('a'), value: new Uint8Array(1), leaseId: null } as const;
  const command = { ...put, expectedModRevision: null, wantPrevious: false, keepValue: false, keepLease: false };
  for (let index = 1; index < APPLIED; index += 1) machine.advance(index, 1);
  machine.apply({
    index: APPLIED,
    term: 1,
    proposedAtMs: 0,
    command: encodeCommandBatch({ origin: { type: 'none' }, commands: [command] }),
  });
  const [meta] = [...machine.takeChanges()].flat().filter(({ key: rowKey }) => rowKey[0] === 1);
  if (meta === undefined || meta.value === null) throw new Error('no meta row');
  const others = Array.from({ length: count }, (_, number) => ({
    key: Uint8Array.of(9, number >>> 8, number & 255),
    value: new Uint8Array(ROW_BYTES),
  }));
  return [{ key: meta.key, value: meta.value }, ...others];
}

class FakeView implements CheckpointView {
  isClosed = false;
  private position = 0;

  constructor(
    private readonly rows: readonly StateRow[],
    readonly meta = { index: logIndex(APPLIED), term: term(1), membership: MEMBERSHIP },
    private readonly failsAt = Infinity,
  ) {}

  async nextPage(): Promise<readonly StateRow[] | null> {
    if (this.position >= this.failsAt) throw new LogStoreError('corrupt', 'a row does not fit its checksum');
    const page = this.rows.slice(this.position, this.position + 8);
    this.position += page.length;
    return page.length === 0 ? null : page;
  }

  async close(): Promise<void> {
    this.isClosed = true;
  }
}

type World = {
  readonly view?: FakeView | null;
  readonly checkpoint?: () => Promise<LogIndex>;
  readonly openCheckpoint?: () => Promise<CheckpointView | null>;
};

function backupsOf({ view = new FakeView(rowsOf(ROWS)), checkpoint, openCheckpoint }: World = {}) {
  const calls: string[] = [];
  const backups = new Backups({
    clusterId: 'c',
    nodeId: 'n1',
    programVersion: '1.2.3',
    replica: {
      readBarrier: async () => {
        calls.push('readBarrier');
        return logIndex(APPLIED);
      },
      checkpoint: async () => {
        calls.push('checkpoint');
        return checkpoint === undefined ? logIndex(APPLIED) : checkpoint();
      },
    },
    openCheckpoint: async () => {
      calls.push('openCheckpoint');
      return openCheckpoint === undefined ? view : openCheckpoint();
    },
    wallTimeMs: () => 0,
  });
  return { backups, calls };
}

let server: Server | null = null;
afterEach(async () => {
  server?.closeAllConnections();
  server?.close();
  server = null;
});

/** Answers one request with the backup. */
async function served(backup: OpenBackup, maxStallMs?: number) {
  let tell: (result: SendResult) => void = () => undefined;
  const result = new Promise<SendResult>((resolve) => (tell = resolve));
  server = createServer((_request, response) => void sendBackup(backup, response, maxStallMs).then(tell));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const call = request({ host: '127.0.0.1', port: (server.address() as AddressInfo).port });
  call.on('error', () => undefined);
  call.end();
  const [response] = (await once(call, 'response')) as [IncomingMessage];
  return { response, result, call };
}

describe('a backup of a node', () => {
  it('is of a checkpoint that is taken after everything acknowledged so far is applied here', async () => {
    const { backups, calls } = backupsOf();
    const backup = await backups.open();
    expect(calls).toEqual(['readBarrier', 'checkpoint', 'openCheckpoint']);
    expect(backup.header).toEqual({
      clusterId: 'c',
      nodeId: 'n1',
      revision: 2,
      appliedIndex: APPLIED,
      term: 1,
      membership: MEMBERSHIP,
      createdAt: '1970-01-01T00:00:00.000Z',
      programVersion: '1.2.3',
    });
    expect(await verifyBackup(backup.chunks)).toMatchObject({ rowCount: ROWS + 1, header: backup.header });
    await backup.close();
  });

  it('is made for few at a time, and the next one may come when one has ended, however', async () => {
    const { backups } = backupsOf({ openCheckpoint: async () => new FakeView(rowsOf(ROWS)) });
    const open = await Promise.all(Array.from({ length: MAX_CONCURRENT_BACKUPS }, () => backups.open()));
    await expect(backups.open()).rejects.toMatchObject({ body: { code: 'OVERLOADED', retry: 'safe' } });
    await open[0]?.close();
    await open[0]?.close();
    const next = await backups.open();
    await expect(backups.open()).rejects.toMatchObject({ body: { code: 'OVERLOADED' } });
    await next.close();
  });

  it.each<readonly [string, World]>([
    [
      'the state is not saved in time',
      { checkpoint: () => Promise.reject(new ReplicaError('OVERLOADED', 'safe', 'slow')) },
    ],
    [
      'the store has no view to spare',
      { openCheckpoint: () => Promise.reject(new LogStoreError('unavailable', 'busy')) },
    ],
    ['the store shows nothing', { view: null }],
    ['the store shows an older state', { checkpoint: async () => logIndex(APPLIED + 1) }],
    ['the state is damaged', { view: new FakeView(rowsOf(1), undefined, 0) }],
  ])('is refused when %s: nothing was done, and another one may be tried', async (_situation, world) => {
    const { backups } = backupsOf(world);
    for (let attempt = 0; attempt <= MAX_CONCURRENT_BACKUPS; attempt += 1) {
      await expect(backups.open()).rejects.toMatchObject({ body: { code: 'UNAVAILABLE', retry: 'safe' } });
    }
    if (world.view instanceof FakeView) expect(world.view.isClosed).toBe(true);
  });
});

describe('sending a backup', () => {
  it('gives the client the whole of it, and gives the view back', async () => {
    const view = new FakeView(rowsOf(ROWS));
    const { response, result } = await served(await backupsOf({ view }).backups.open());
    const { rowCount, byteCount } = await verifyBackup(response);
    expect(rowCount).toBe(ROWS + 1);
    expect(await result).toEqual({ byteCount, brokenBy: null });
    expect(response.headers).toMatchObject({ 'content-disposition': 'attachment; filename="c-2.backup"' });
    expect(view.isClosed).toBe(true);
  });

  it('breaks off, so that the client notices, when the rows turn out to be damaged', async () => {
    const view = new FakeView(rowsOf(ROWS), undefined, ROWS / 2);
    const { response, result } = await served(await backupsOf({ view }).backups.open());
    await expect(verifyBackup(response)).rejects.toMatchObject({ code: 'ECONNRESET' });
    expect((await result).brokenBy).toMatchObject({ code: 'corrupt' });
    expect(view.isClosed).toBe(true);
  });

  it('ends when the client goes away', async () => {
    const view = new FakeView(rowsOf(MANY_ROWS));
    const { call, result } = await served(await backupsOf({ view }).backups.open());
    call.destroy();
    expect((await result).brokenBy?.message).toBe('the client went away');
    expect(view.isClosed).toBe(true);
  });

  it('holds no more in memory than the client has room for, and ends when that takes nothing for too long', async () => {
    const view = new FakeView(rowsOf(MANY_ROWS));
    const { response, result } = await served(await backupsOf({ view }).backups.open(), SHORT_STALL_MS);
    response.pause();
    const { byteCount, brokenBy } = await result;
    expect(brokenBy?.message).toContain('took nothing');
    expect(byteCount).toBeLessThan(MANY_ROWS * ROW_BYTES);
    expect(view.isClosed).toBe(true);
  });
});
