import { io } from 'socket.io-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  CLIENT_EVENTS,
  CLIENT_SOCKET_PATH,
  MAX_FRAME_BYTES,
  MAX_REQUESTS_PER_FRAME,
  MAX_VALUE_BYTES,
  PROTOCOL_VERSION,
  RESPONSES_EVENT,
} from '@latchkey/contracts';
import { TestClient, type Response } from './test-support/test-client.js';
import { startMemoryNode, type MemoryNode } from './test-support/memory-node.js';

const VALUE = Buffer.from('value');
const LARGE_VALUE_BYTES = 256 * 1024;
const LARGE_VALUES = 100;
const NEVER_HELD_LONGER_MS = 60_000;

let node: MemoryNode;
let client: TestClient;

beforeAll(async () => {
  node = await startMemoryNode();
  client = await TestClient.open(node.url);
});
afterAll(async () => {
  client.close();
  await node.stop();
});

const codeOf = (response: Response | undefined) => (response?.ok === false ? response.error.code : 'ok');
const resultOf = (response: Response | undefined) => (response?.ok === true ? response.result : {});

async function lease(ttlMs = NEVER_HELD_LONGER_MS): Promise<string> {
  const [granted] = await client.ask([{ op: 'leaseGrant', ttlMs }]);
  return String(resultOf(granted)['id']);
}

describe('a new connection', () => {
  it('is told who the node is, and whom it follows', async () => {
    await client.ask([{ op: 'status' }]);
    expect(client.announcements).toEqual([['n1', 'n1']]);
  });
});

describe('a frame of requests', () => {
  it('is one log entry for all its writes, and one frame of answers', async () => {
    const before = node.appliedIndex();
    const frames = client.responseFrames;
    const answers = await client.ask([
      { op: 'put', key: 'frame/a', value: VALUE },
      { op: 'put', key: 'frame/b', value: VALUE, previous: true },
      { op: 'delete', range: { key: 'frame/none' } },
      { op: 'put', key: 'frame/a', value: VALUE, ifRevision: 1 },
    ]);
    expect(answers.map(codeOf)).toEqual(['ok', 'ok', 'ok', 'REVISION_MISMATCH']);
    expect(node.appliedIndex()).toBe(before + 1);
    expect(client.responseFrames).toBe(frames + 1);
  });

  it('answers reads of text and bytes as they were written', async () => {
    await client.ask([{ op: 'put', key: 'ключ', value: Buffer.from([0, 255, 128]) }]);
    const [linearizable, serializable, range] = await client.ask([
      { op: 'get', key: 'ключ' },
      { op: 'get', key: 'ключ', consistency: 'serializable' },
      { op: 'range', range: { prefix: 'клю' } },
    ]);
    for (const answer of [linearizable, serializable])
      expect(resultOf(answer)['record']).toMatchObject({ key: 'ключ', value: Buffer.from([0, 255, 128]), version: 1 });
    expect(resultOf(range)).toMatchObject({ count: 1, more: false, records: [{ key: 'ключ' }] });
  });

  it('carries out what is right and refuses what is not, each by itself', async () => {
    const answers = await client.ask([
      { op: 'put', key: 'one', value: VALUE },
      { op: 'put', key: '', value: VALUE },
      { op: 'nonsense' },
      { op: 'put', key: 'two', value: Buffer.alloc(MAX_VALUE_BYTES + 1) },
      { op: 'put', key: 'k'.repeat(513), value: VALUE },
      { op: 'put', key: 'three', value: VALUE, surprise: 1 },
    ]);
    expect(answers.map(codeOf)).toEqual([
      'ok',
      'INVALID_ARGUMENT',
      'INVALID_ARGUMENT',
      'TOO_LARGE',
      'INVALID_ARGUMENT',
      'INVALID_ARGUMENT',
    ]);
    const [two, three] = await client.ask([
      { op: 'get', key: 'two' },
      { op: 'get', key: 'three' },
    ]);
    expect([resultOf(two)['record'], resultOf(three)['record']]).toEqual([null, null]);
  });

  it('takes effect once under a session, however often it comes', async () => {
    const session = await lease();
    const request = { op: 'txn', compare: [], success: [{ op: 'put', key: 'once', value: VALUE }], failure: [] };
    const { id, answer } = client.start(request, session);
    const first = await answer;
    const again = await client.repeat(id, request, session);
    expect(again).toEqual(first);
    const [read] = await client.ask([{ op: 'get', key: 'once' }]);
    expect(resultOf(read)['record']).toMatchObject({ version: 1 });
  });

  it('tells its status, its history and its leases', async () => {
    const id = await lease();
    const [status, history, leases, info] = await client.ask([
      { op: 'status' },
      { op: 'history', key: 'frame/a' },
      { op: 'leaseList' },
      { op: 'leaseInfo', id },
    ]);
    expect(resultOf(status)).toMatchObject({ nodeId: 'n1', role: 'leader', leaderId: 'n1' });
    expect(resultOf(history)['versions']).toHaveLength(1);
    expect(resultOf(leases)['leases']).toContainEqual({ id, ttlMs: NEVER_HELD_LONGER_MS });
    expect(resultOf(info)).toMatchObject({ id, ttlMs: NEVER_HELD_LONGER_MS, keys: [] });
  });
});

describe('locks over the socket', () => {
  it('go to the next in line when released', async () => {
    const [first, second] = [await lease(), await lease()];
    const lock = { space: 'locks', name: 'fifo' };
    await client.ask([{ op: 'acquire', ...lock, lease: first }]);
    const waiting = client.start({ op: 'acquire', ...lock, lease: second });
    const [held] = await client.ask([{ op: 'acquire', ...lock, lease: second, waitMs: 0 }]);
    expect(held).toMatchObject({ ok: false, error: { code: 'LOCK_HELD', details: { holder: { lease: first } } } });
    await client.ask([{ op: 'release', ...lock, lease: first }]);
    expect(resultOf(await waiting.answer)['fencingToken']).toBeGreaterThan(0);
    const [inspected] = await client.ask([{ op: 'lockInspect', ...lock }]);
    expect(resultOf(inspected)).toMatchObject({ holders: [{ lease: second }], queue: [] });
  });

  it('stop waiting when cancelled, and by their time', async () => {
    const [first, second] = [await lease(), await lease()];
    const lock = { space: 'elections', name: 'leader' };
    await client.ask([{ op: 'acquire', ...lock, lease: first, value: VALUE }]);
    const waiting = client.start({ op: 'acquire', ...lock, lease: second, value: VALUE });
    await client.ask([{ op: 'cancel', request: waiting.id }]);
    expect(codeOf(await waiting.answer)).toBe('CANCELLED');
    const [timedOut] = await client.ask([{ op: 'acquire', ...lock, lease: second, value: VALUE, waitMs: 5 }]);
    expect(codeOf(timedOut)).toBe('LOCK_WAIT_TIMEOUT');
  });

  it('keep the place of a client whose connection broke', async () => {
    const [first, second] = [await lease(), await lease()];
    const lock = { space: 'locks', name: 'reconnect' };
    await client.ask([{ op: 'acquire', ...lock, lease: first }]);
    const broken = await TestClient.open(node.url);
    broken.start({ op: 'acquire', ...lock, lease: second });
    await broken.ask([{ op: 'status' }]);
    broken.close();
    const again = client.start({ op: 'acquire', ...lock, lease: second });
    await client.ask([{ op: 'release', ...lock, lease: first }]);
    expect(codeOf(await again.answer)).toBe('ok');
  });

  it('are free again when the lease of the holder runs out', async () => {
    const [short, next] = [await lease(100), await lease()];
    const lock = { space: 'locks', name: 'expiry' };
    await client.ask([{ op: 'acquire', ...lock, lease: short }]);
    const [granted] = await client.ask([{ op: 'acquire', ...lock, lease: next }]);
    expect(codeOf(granted)).toBe('ok');
    const [renewal] = await client.ask([{ op: 'leaseKeepAlive', id: short }]);
    expect(codeOf(renewal)).toBe('LEASE_NOT_FOUND');
  });
});

describe('watches over the socket', () => {
  it('deliver from a past revision on, whole revisions, in order, until taken back', async () => {
    const watcher = await TestClient.open(node.url);
    const [put] = await client.ask([{ op: 'put', key: 'watched/1', value: VALUE }]);
    const fromRevision = Number(resultOf(put)['revision']);
    const [opened] = await watcher.ask([{ op: 'watch', range: { prefix: 'watched/' }, fromRevision, previous: true }]);
    const watchId = Number(resultOf(opened)['watchId']);
    await client.ask([
      {
        op: 'txn',
        compare: [],
        success: [
          { op: 'put', key: 'watched/2', value: VALUE },
          { op: 'delete', range: { key: 'watched/1' } },
        ],
        failure: [],
      },
    ]);
    const events = () =>
      watcher.watchMessages.flatMap(([, message]) => (message.type === 'events' ? message.events : []));
    await watcher.watched(() => events().length === 3);
    expect(watcher.watchMessages[0]).toMatchObject([watchId, { type: 'created' }]);
    expect(events()).toMatchObject([
      { type: 'put', record: { key: 'watched/1' }, previous: null },
      { type: 'put', record: { key: 'watched/2' } },
      { type: 'delete', key: 'watched/1', previous: { key: 'watched/1' } },
    ]);
    await watcher.ask([{ op: 'unwatch', watchId }]);
    await client.ask([{ op: 'put', key: 'watched/3', value: VALUE }]);
    await watcher.ask([{ op: 'status' }]);
    expect(events()).toHaveLength(3);
    watcher.close();
  });

  it('of a client that does not read cost no memory, and lose nothing when it reads again (FAILURE-MODES 48)', async () => {
    const slow = await TestClient.open(node.url);
    await slow.ask([{ op: 'watch', range: { prefix: 'slow/' } }]);
    slow.pauseReading();
    const large = Buffer.alloc(LARGE_VALUE_BYTES);
    for (let count = 0; count < LARGE_VALUES; count += 1)
      await client.ask([{ op: 'put', key: `slow/${count % 2}`, value: large }]);
    const metrics = await (await fetch(`${node.url}/metrics`)).text();
    const unsentBytes = Number(/^latchkey_client_unsent_bytes (\d+)/m.exec(metrics)?.[1]);
    expect(unsentBytes).toBeGreaterThan(0);
    expect(unsentBytes).toBeLessThan((LARGE_VALUES * LARGE_VALUE_BYTES) / 4);
    slow.resumeReading();
    const events = () => slow.watchMessages.flatMap(([, message]) => (message.type === 'events' ? message.events : []));
    await slow.watched(() => events().length === LARGE_VALUES);
    const revisions = events().map((event) => (event.type === 'put' ? event.record.modRevision : 0));
    expect(revisions).toEqual(revisions.toSorted((left, right) => left - right));
    expect(new Set(revisions).size).toBe(LARGE_VALUES);
    slow.close();
  });

  it('end with COMPACTED when their past is gone', async () => {
    const watcher = await TestClient.open(node.url);
    const [put] = await client.ask([{ op: 'put', key: 'compacted', value: VALUE }]);
    await client.ask([{ op: 'compact', revision: resultOf(put)['revision'] }]);
    await watcher.ask([{ op: 'watch', range: { prefix: '' }, fromRevision: 1 }]);
    await watcher.watched((messages) => messages.some(([, { type }]) => type === 'ended'));
    expect(watcher.watchMessages.at(-1)?.[1]).toMatchObject({ type: 'ended', error: { code: 'COMPACTED' } });
    watcher.close();
  });
});

describe('a bad client', () => {
  it.each([
    ['no protocol version', {}],
    ['an older protocol version', { protocolVersion: PROTOCOL_VERSION - 1 }],
    ['another protocol version', { protocolVersion: 99 }],
  ])('with %s is refused at the door', async (_what, auth) => {
    await expect(TestClient.open(node.url, auth)).rejects.toMatchObject({
      data: { code: 'PROTOCOL_VERSION', retry: 'never' },
    });
  });

  it('of the older wire, with Socket.IO’s own parser, is told so in words that it understands', async () => {
    const auth = { protocolVersion: PROTOCOL_VERSION - 1 };
    const socket = io(node.url, { path: CLIENT_SOCKET_PATH, transports: ['websocket'], auth, reconnection: false });
    const error = await new Promise((resolve) => socket.once('connect_error', resolve));
    socket.disconnect();
    expect(error).toMatchObject({ data: { code: 'PROTOCOL_VERSION', retry: 'never' } });
  });

  it('with an unknown field in its handshake is refused at the door', async () => {
    const opening = TestClient.open(node.url, { protocolVersion: PROTOCOL_VERSION, admin: true });
    await expect(opening).rejects.toMatchObject({ data: { code: 'INVALID_ARGUMENT' } });
  });

  it.each([
    ['nothing', Buffer.alloc(0)],
    ['bytes that are no document', Buffer.from([0xc1])],
    ['a claim of four thousand million elements', Buffer.from([0xdd, 0xff, 0xff, 0xff, 0xff])],
    ['a document that is no frame', Buffer.from([0x01])],
  ])('that sends %s is told why and cut off', async (_what, argument) => {
    const bad = await TestClient.open(node.url);
    const gone = bad.disconnected();
    bad.sendRaw(argument);
    await gone;
    expect(bad.complaints).toMatchObject([{ code: 'INVALID_ARGUMENT', details: { field: 'frame' } }]);
    expect((await client.ask([{ op: 'status' }])).map(codeOf)).toEqual(['ok']);
  });

  it.each([
    ['an event as text', '2["requests","hello"]'],
    ['an event with attachments', '451-["requests",{"_placeholder":true,"num":0}]'],
    ['an acknowledgement', '31[]'],
    ['text that is no packet', 'hello'],
    ['bytes of no event', Buffer.of(CLIENT_EVENTS.length, 0x90)],
    ['no bytes at all', Buffer.alloc(0)],
  ])('that sends %s is cut off', async (_what, message) => {
    const bad = await TestClient.open(node.url);
    const gone = bad.disconnected();
    bad.sendMessage(message);
    await gone;
    expect((await client.ask([{ op: 'status' }])).map(codeOf)).toEqual(['ok']);
  });

  it('that speaks as a node, and not as a client, is not heard', async () => {
    const bad = await TestClient.open(node.url);
    bad.sendMessage(Buffer.of(CLIENT_EVENTS.indexOf(RESPONSES_EVENT), 0x90));
    expect((await bad.ask([{ op: 'status' }])).map(codeOf)).toEqual(['ok']);
    bad.close();
  });

  it('that sends too many requests in one frame is cut off', async () => {
    const bad = await TestClient.open(node.url);
    const gone = bad.disconnected();
    bad.sendFrame([
      0,
      null,
      Array.from({ length: MAX_REQUESTS_PER_FRAME + 1 }, (_, index) => [index + 1, { op: 'status' }]),
    ]);
    await gone;
    expect(bad.complaints).toHaveLength(1);
  });

  it('that sends a frame beyond the limit is cut off, and nothing of it is done', async () => {
    const bad = await TestClient.open(node.url);
    const gone = bad.disconnected();
    bad.sendRaw(Buffer.alloc(MAX_FRAME_BYTES + 1));
    await gone;
    expect((await client.ask([{ op: 'status' }])).map(codeOf)).toEqual(['ok']);
  });

  it('that is a page of another site is refused, one of this node is not', async () => {
    await expect(TestClient.open(node.url, undefined, 'http://evil.example')).rejects.toThrow();
    const own = await TestClient.open(node.url, undefined, node.url);
    own.close();
  });
});
