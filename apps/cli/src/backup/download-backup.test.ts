import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BackupEncoder } from '@latchkey/backup';
import { errorBody } from '@latchkey/contracts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { downloadBackup } from './download-backup.js';

const ROWS = 2_000;
const SHORT_PAUSE_MS = 100;
const LONG_PAUSE_MS = 20_000;
const NOBODY = 'http://127.0.0.1:9';

/** A whole backup. */
const BACKUP = backupBytes();

function backupBytes(): Uint8Array {
  const encoder = new BackupEncoder();
  const header = encoder.begin({
    clusterId: 'c',
    nodeId: 'n1',
    revision: 7,
    appliedIndex: 9,
    term: 1,
    membership: { voters: ['n1'], votersOutgoing: [], learners: [] },
    createdAt: '2026-01-02T03:04:05.678Z',
    programVersion: '1.2.3',
  });
  const rows = Array.from({ length: ROWS }, (_, number) => ({
    key: Uint8Array.of(4, number >>> 8, number & 255),
    value: new Uint8Array(500),
  }));
  return new Uint8Array(Buffer.concat([header, ...encoder.rows(rows), encoder.end()]));
}

type Answer = (response: ServerResponse) => void;
const whole: Answer = (response) => void response.writeHead(200).end(BACKUP);
const half = BACKUP.subarray(0, BACKUP.byteLength / 2);
const breaksOff: Answer = (response) => {
  response.writeHead(200).write(half, () => response.destroy());
};
const endsEarly: Answer = (response) => void response.writeHead(200).end(half);
const hangs: Answer = (response) => void response.writeHead(200).write(half);
const refuses =
  (code: 'UNAVAILABLE' | 'OVERLOADED' | 'UNAUTHENTICATED'): Answer =>
  (response) => {
    const body = errorBody(code, `it is ${code}`);
    response.writeHead(503).end(JSON.stringify(body));
  };
const damaged: Answer = (response) => {
  const bytes = BACKUP.slice();
  bytes[1_000] = 99;
  response.writeHead(200).end(bytes);
};

let directory: string;
let file: string;
let servers: Server[] = [];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'latchkey-download-'));
  file = join(directory, 'a.backup');
});
afterEach(() => {
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
  servers = [];
  rmSync(directory, { recursive: true });
});

async function nodeThat(answer: Answer): Promise<string> {
  const server = createServer((_request, response) => answer(response));
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const download = (
  endpoints: readonly string[],
  more: { readonly signal?: AbortSignal; readonly replaces?: boolean; readonly maxPauseMs?: number } = {},
) =>
  downloadBackup({
    endpoints,
    file,
    replaces: more.replaces ?? false,
    signal: more.signal ?? new AbortController().signal,
    maxPauseMs: more.maxPauseMs ?? LONG_PAUSE_MS,
  });

describe('downloading a backup', () => {
  it('leaves one file, for its owner only, that was read again', async () => {
    const checked = await download([await nodeThat(whole)]);
    expect(checked).toMatchObject({ rowCount: ROWS, byteCount: BACKUP.byteLength, header: { revision: 7 } });
    expect(readdirSync(directory)).toEqual(['a.backup']);
    expect(readFileSync(file).equals(BACKUP)).toBe(true);
    expect(statSync(file).mode & 0o077).toBe(0);
  });

  it.each([
    ['is not there', () => Promise.resolve(NOBODY)],
    ['has no leader', () => nodeThat(refuses('UNAVAILABLE'))],
    ['is making one already', () => nodeThat(refuses('OVERLOADED'))],
    ['breaks off', () => nodeThat(breaksOff)],
  ])('goes on to the next node when one %s', async (_situation, first) => {
    expect(await download([await first(), await nodeThat(whole)])).toMatchObject({ rowCount: ROWS });
    expect(readdirSync(directory)).toEqual(['a.backup']);
  });

  it.each<readonly [string, Answer, object]>([
    ['breaks off', breaksOff, { code: 'UNAVAILABLE' }],
    ['must not be asked', refuses('UNAUTHENTICATED'), { code: 'UNAUTHENTICATED' }],
    ['sends too little', endsEarly, { exitCode: 1 }],
    ['sends something else', damaged, { exitCode: 1 }],
  ])('leaves no file at all when the only node %s', async (_situation, answer, error) => {
    await expect(download([await nodeThat(answer)])).rejects.toMatchObject(error);
    expect(readdirSync(directory)).toEqual([]);
  });

  it('does not wait for ever for a node that says nothing more', async () => {
    const silent = await nodeThat(hangs);
    const short = { maxPauseMs: SHORT_PAUSE_MS };
    await expect(download([silent], short)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(readdirSync(directory)).toEqual([]);
  });

  it('leaves no file when it is interrupted, and asks nobody else', async () => {
    const interrupt = new AbortController();
    let asked = 0;
    const first = await nodeThat((response) => {
      response.writeHead(200).write(half, () => interrupt.abort(new Error('Ctrl-C')));
    });
    const second = await nodeThat((response) => {
      asked += 1;
      whole(response);
    });
    await expect(download([first, second], { signal: interrupt.signal })).rejects.toThrow();
    expect([readdirSync(directory), asked]).toEqual([[], 0]);
  });

  it('keeps the file that is there, unless it may be replaced; and then until the new one is whole', async () => {
    writeFileSync(file, 'the last one');
    await expect(download([await nodeThat(whole)])).rejects.toThrow('exists already');
    await expect(download([await nodeThat(breaksOff)], { replaces: true })).rejects.toThrow();
    expect(readFileSync(file, 'utf8')).toBe('the last one');
    await download([await nodeThat(whole)], { replaces: true });
    expect(readFileSync(file).equals(BACKUP)).toBe(true);
  });

  it('says where it cannot write', async () => {
    file = join(directory, 'nowhere', 'a.backup');
    await expect(download([await nodeThat(whole)])).rejects.toThrow(/cannot write .*nowhere/);
    expect(existsSync(join(directory, 'nowhere'))).toBe(false);
  });
});
