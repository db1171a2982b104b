import { nodeId, term } from '@latchkey/raft';
import type { PeerMessage } from '@latchkey/replica';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';
import { Server } from 'socket.io';
import type { ManagerOptions, Socket, SocketOptions } from 'socket.io-client';
import { io } from 'socket.io-client';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { assembleFrame, encodeMessage, frameVersion } from './peer-codec.js';
import type { PeerChannel } from './peer-channel.js';
import { createHello, peerPath, peerProtocolVersion } from './peer-handshake.js';
import type { PeerHello } from './peer-handshake.js';
import * as parser from './peer-packet-parser.js';
import type { TestNode } from './test-support/transport-harness.js';
import { chunk, numbered, numbersOf, startNode, testClusterId, testSecret } from './test-support/transport-harness.js';

const UNUSED_URL = 'http://127.0.0.1:1';
const OTHER_SECRET = 'not the secret of this cluster, but long';
const MAX_MESSAGE_BYTES = 300 * 1_024;
const MAX_BULK_MESSAGE_BYTES = 256 * 1_024;
const RAFT_MESSAGE: PeerMessage = { type: 'raft', message: { type: 'timeoutNow', term: term(1) } };
const STALL_MS = 100;
const NO_PING_MS = 60_000;
const GARBAGE_ROUNDS = 5;

const opened: { close(): unknown }[] = [];
afterEach(async () => {
  for (const thing of opened.splice(0)) await thing.close();
});

const start: typeof startNode = async (...parameters) => {
  const node = await startNode(...parameters);
  opened.push(node.transport);
  return node;
};

function dial(url: string, options: Partial<ManagerOptions & SocketOptions>): Socket {
  const defaults = { path: peerPath, transports: ['websocket'], forceNew: true, reconnection: false };
  const socket = io(url, { ...defaults, ...options });
  opened.push({ close: () => socket.disconnect() });
  return socket;
}

/** The answer to a connection that must not come about. */
function refusalOf(socket: Socket): Promise<Error & { data?: unknown }> {
  return new Promise((resolve, reject) => {
    socket.on('connect_error', resolve);
    socket.on('connect', () => reject(new Error('connected')));
  });
}

/** Speaks the peers' protocol by hand, with a hello of its own making. */
function dialAsPeer(
  target: TestNode,
  change: (hello: PeerHello) => PeerHello = (hello) => hello,
  { from = 'n2', channel = 'main' }: { readonly from?: string; readonly channel?: PeerChannel } = {},
): Socket {
  const identity = { nodeId: nodeId(from), clusterId: testClusterId, secret: testSecret };
  const socket = dial(target.url(), {
    parser,
    autoConnect: false,
    auth: (send: (hello: PeerHello) => void) =>
      send(change(createHello(identity, { to: target.id, channel }, socket.io.engine.id))),
  });
  return socket.connect();
}

async function joined(socket: Socket): Promise<void> {
  await new Promise((resolve) => socket.once(parser.welcomeEvent, resolve));
}

describe('a node that does not belong to the cluster', () => {
  it('is refused for another secret, with one line on both sides, and both live on', async () => {
    const first = await start('n1', { n2: UNUSED_URL, n3: UNUSED_URL });
    const stranger = await start('n2', { n1: first.url() }, { secret: OTHER_SECRET });
    await vi.waitFor(() => {
      expect(first.warnings).toEqual([
        expect.stringContaining('"n2" of cluster "cluster-of-the-tests" has another secret'),
      ]);
      expect(stranger.warnings).toEqual([expect.stringContaining('cluster id, node id or secret is not the one')]);
    });
    const member = await start('n3', { n1: first.url() });
    await vi.waitFor(() => expect(member.events).toEqual(['up n1']));
    expect(first.events).toEqual(['up n3']);
    expect(stranger.events).toEqual([]);
  });

  it('is told that its cluster id differs, as it holds the secret', async () => {
    const first = await start('n1', { n2: UNUSED_URL });
    const stranger = await start('n2', { n1: first.url() }, { clusterId: 'another' });
    const line = 'cluster id "another", this node is in "cluster-of-the-tests"';
    await vi.waitFor(() => {
      expect(first.warnings).toEqual([expect.stringContaining(line)]);
      expect(stranger.warnings).toEqual([expect.stringContaining(line)]);
    });
  });

  it('is refused as an unknown node', async () => {
    const first = await start('n1', { n2: UNUSED_URL });
    const stranger = await start('n9', { n1: first.url() });
    await vi.waitFor(() => expect(stranger.warnings).toEqual([expect.stringContaining('"n9" is no peer of "n1"')]));
    expect(first.transport.connectedPeers()).toEqual([]);
  });

  it('is refused when it reached another node than it wanted', async () => {
    const first = await start('n1', { n3: UNUSED_URL });
    const lost = await start('n3', { n2: first.url() });
    await vi.waitFor(() => expect(lost.warnings).toEqual([expect.stringContaining('wanted node "n2", this is "n1"')]));
    expect(first.events).toEqual([]);
  });

  it.each([
    ['another protocol version', { version: 1 }, `peer protocol version 1, this node speaks ${peerProtocolVersion}`],
    [
      'another version that knows no channels',
      { version: peerProtocolVersion + 1, channel: undefined },
      `peer protocol version ${peerProtocolVersion + 1}`,
    ],
    ['a changed channel', { channel: 'bulk' }, 'cluster id, node id or secret'],
    ['a channel that does not exist', { channel: 'admin' }, 'cluster id, node id or secret'],
    ['a changed sender', { from: 'n3' }, 'cluster id, node id or secret'],
    ['a proof of another length', { proof: 'AAAA' }, 'cluster id, node id or secret'],
    ['a field of another type', { from: 7 }, 'cluster id, node id or secret'],
    ['an endless field', { clusterId: 'x'.repeat(1_000) }, 'cluster id, node id or secret'],
  ])('is refused for %s', async (_what, change, answer) => {
    const first = await start('n1', { n2: UNUSED_URL, n3: UNUSED_URL });
    const forged = (hello: PeerHello) => ({ ...hello, ...change }) as PeerHello; // what a stranger may send
    const refusal = await refusalOf(dialAsPeer(first, forged));
    expect(refusal.data).toContain(answer);
    expect(first.events).toEqual([]);
  });

  it('cannot replay a hello that it overheard', async () => {
    const first = await start('n1', { n2: UNUSED_URL });
    let overheard: PeerHello | null = null;
    const member = dialAsPeer(first, (hello) => (overheard = hello));
    await joined(member);
    const refusal = await refusalOf(dialAsPeer(first, (hello) => overheard ?? hello));
    expect(refusal.data).toContain('cluster id, node id or secret');
    expect(first.events).toEqual(['up n2']);
  });

  it('cannot dial a node whose turn it is to dial', async () => {
    const second = await start('n2', { n1: UNUSED_URL });
    const refusal = await refusalOf(dialAsPeer(second, (hello) => hello, { from: 'n1' }));
    expect(refusal.data).toContain('the greater node id dials');
  });
});

describe('a peer that connects again before its old connection is known to be dead', () => {
  it('replaces it: the old one is closed and reported down, the new one up', async () => {
    const first = await start('n1', { n2: UNUSED_URL });
    const old = dialAsPeer(first);
    await joined(old);
    const closed = new Promise((resolve) => old.once('disconnect', resolve));
    await joined(dialAsPeer(first));
    await closed;
    expect(first.events).toEqual(['up n2', 'down n2', 'up n2']);
    expect(first.transport.connectedPeers()).toEqual(['n2']);
  });
});

describe('a bulk connection', () => {
  const frame = (message: PeerMessage) => assembleFrame([encodeMessage(message)]);
  const same = (hello: PeerHello) => hello;

  it('is closed when no main connection of that peer stands, and is not taken for one', async () => {
    const first = await start('n1', { n2: UNUSED_URL });
    const bulk = dialAsPeer(first, same, { channel: 'bulk' });
    await new Promise((resolve) => bulk.once('disconnect', resolve));
    expect(first.events).toEqual([]);
    expect(first.transport.connectedPeers()).toEqual([]);
  });

  it('carries chunks from the authenticated peer, and a newer one replaces it', async () => {
    const first = await start('n1', { n2: UNUSED_URL });
    await joined(dialAsPeer(first));
    const old = dialAsPeer(first, same, { channel: 'bulk' });
    await joined(old);
    const closed = new Promise((resolve) => old.once('disconnect', resolve));
    const bulk = dialAsPeer(first, same, { channel: 'bulk' });
    await joined(bulk);
    await closed;
    bulk.emit(parser.frameEvent, frame(chunk(1)));
    await vi.waitFor(() => expect(first.received).toEqual([{ from: 'n2', message: chunk(1) }]));
    expect(first.events).toEqual(['up n2']);
  });

  it.each([
    ['a Raft message', frame(RAFT_MESSAGE), 'raft does not belong on a bulk connection'],
    ['a request', frame(numbered(1)), 'leaderRequest does not belong on a bulk connection'],
    ['a malformed frame', Buffer.of(frameVersion, 1, 99), 'unknown message type 99'],
    ['a frame above its own limit', frame(chunk(1, MAX_BULK_MESSAGE_BYTES + 100)), 'longer than the limit'],
  ])('is closed for %s, which is not delivered; the main connection stays', async (_what, bytes, warning) => {
    const limits = { maxBulkMessageBytes: MAX_BULK_MESSAGE_BYTES };
    const first = await start('n1', { n2: UNUSED_URL }, { limits });
    const main = dialAsPeer(first);
    await joined(main);
    const bulk = dialAsPeer(first, same, { channel: 'bulk' });
    await joined(bulk);
    const closed = new Promise((resolve) => bulk.once('disconnect', resolve));
    bulk.emit(parser.frameEvent, bytes);
    await closed;
    main.emit(parser.frameEvent, frame(numbered(2)));
    await vi.waitFor(() => expect(first.received).toEqual([{ from: 'n2', message: numbered(2) }]));
    expect(first.events).toEqual(['up n2']);
    expect(first.warnings).toEqual([expect.stringContaining(warning)]);
  });

  it('is what chunks need: on the main connection they end it', async () => {
    const first = await start('n1', { n2: UNUSED_URL });
    const main = dialAsPeer(first);
    await joined(main);
    const closed = new Promise((resolve) => main.once('disconnect', resolve));
    main.emit(parser.frameEvent, frame(chunk(1)));
    await closed;
    await vi.waitFor(() => expect(first.events).toEqual(['up n2', 'down n2']));
    expect(first.received).toEqual([]);
    expect(first.warnings).toEqual([expect.stringContaining('snapshotChunk does not belong on a main connection')]);
  });
});

describe('an ordinary Socket.IO client at the peer listener (FAILURE-MODES 54)', () => {
  it.each(['/', '/admin', '/peers', '/__proto__'])('is refused in namespace %s', async (namespace) => {
    const first = await start('n1', { n2: UNUSED_URL });
    const socket = dial(`${first.url()}${namespace}`, { auth: { token: 'guess' } });
    await expect(refusalOf(socket)).resolves.toBeInstanceOf(Error);
    await vi.waitFor(() => expect(socket.io.engine.readyState).toBe('closed'));
    expect(first.events).toEqual([]);
  });

  it('is refused by polling, from a browser page, on other paths and as a takeover of a session', async () => {
    const first = await start('n1', { n2: UNUSED_URL });
    const member = dialAsPeer(first);
    await joined(member);
    const sid = member.io.engine.id;
    await expect(refusalOf(dial(first.url(), { transports: ['polling'] }))).resolves.toBeInstanceOf(Error);
    const extraHeaders = { origin: 'http://evil.example' };
    await expect(refusalOf(dial(first.url(), { extraHeaders }))).resolves.toBeInstanceOf(Error);
    await expect(upgrade(first, `/socket.io/?EIO=4&transport=websocket`)).resolves.not.toBe(101);
    await expect(upgrade(first, `${peerPath}/?EIO=4&transport=websocket&sid=${sid}`)).resolves.toBe(400);
    expect(first.events).toEqual(['up n2']);
  });

  it('gets 404 and no more for a plain request', async () => {
    const first = await start('n1', {});
    const response = await fetch(`${first.url()}/`);
    expect(response.status).toBe(404);
    expect(await response.text()).toBe('');
  });
});

describe('strangers that stall (SECURITY S11)', () => {
  it('are thrown out when the handshake has taken too long: silent, halfway through a request, or without a hello', async () => {
    const first = await start(
      'n1',
      { n2: UNUSED_URL },
      { limits: { handshakeTimeoutMs: STALL_MS, pingIntervalMs: NO_PING_MS } },
    );
    const { port } = first.transport.address();
    const key = 'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13';
    const line = `GET ${peerPath}/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x`;
    const upgrading = `${line}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${key}\r\n\r\n`;
    const closed = ['', line, upgrading].map((bytes) => {
      const socket = connect(port, '127.0.0.1');
      opened.push({ close: () => socket.destroy() });
      socket.on('error', () => {});
      socket.write(bytes);
      socket.resume();
      return new Promise((resolve) => socket.once('close', resolve));
    });
    await Promise.all(closed);
    expect(first.events).toEqual([]);
  });
});

describe('an impostor behind the address of a peer', () => {
  it('never becomes a peer, for it cannot answer the hello', async () => {
    const http = createServer();
    const impostor = new Server(http, { path: peerPath, parser, transports: ['websocket'] });
    impostor.on('connection', (socket) => {
      socket.emit(parser.welcomeEvent, 'AAAA');
      socket.emit(parser.frameEvent, assembleFrame([encodeMessage(numbered(1))]));
    });
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    opened.push(impostor);
    const { port } = http.address() as AddressInfo; // a server that listens on a port
    const second = await start('n2', { n1: `http://127.0.0.1:${port}` });
    await vi.waitFor(() => expect(second.warnings).toEqual([expect.stringContaining('could not prove')]));
    expect(second.events).toEqual([]);
    expect(second.received).toEqual([]);
  });
});

describe('a peer that sends nonsense (SECURITY S9, S10)', () => {
  const binary = (bytes: readonly number[] | Buffer) => (socket: Socket) =>
    void socket.emit(parser.frameEvent, Buffer.from(bytes));
  const text = (packet: string) => (socket: Socket) => void socket.io.engine.write(packet);

  it.each([
    ['a malformed frame', binary([frameVersion, 1, 99, 0])],
    ['an empty frame', binary([])],
    ['a frame above the limit', binary(Buffer.alloc(MAX_MESSAGE_BYTES + 100))],
    ['an event with attachments', text('51-["frame",{"_placeholder":true,"num":0}]')],
    ['an unknown event', text('2["error","x"]')],
    ['an acknowledgement', text('31["x"]')],
    ['no packet at all', text('\u0000\u0001 nonsense')],
    ['a second hello', text('0{}')],
    ['a broken hello in another namespace', text('0/x,{"a":')],
  ])('loses its connection for %s, as often as it tries; the others notice nothing', async (_what, misbehave) => {
    const first = await start(
      'n1',
      { n2: UNUSED_URL, n3: UNUSED_URL },
      { limits: { maxMessageBytes: MAX_MESSAGE_BYTES } },
    );
    const third = await start('n3', { n1: first.url() });
    await vi.waitFor(() => expect(first.events).toEqual(['up n3']));
    for (let round = 1; round <= GARBAGE_ROUNDS; round += 1) {
      const rogue = dialAsPeer(first);
      await joined(rogue);
      rogue.emit(parser.frameEvent, assembleFrame([encodeMessage(numbered(round))]));
      await vi.waitFor(() => expect(numbersOf(first).at(-1)).toBe(round), { interval: 1 });
      const closed = new Promise((resolve) => rogue.once('disconnect', resolve));
      misbehave(rogue);
      await closed;
      await vi.waitFor(() => expect(first.events.slice(-2)).toEqual(['up n2', 'down n2']));
    }
    third.transport.send(first.id, numbered(0));
    await vi.waitFor(() => expect(first.received.at(-1)).toMatchObject({ from: 'n3' }));
    expect(numbersOf(first).slice(0, -1)).toEqual(Array.from({ length: GARBAGE_ROUNDS }, (_, index) => index + 1));
    expect(first.events).toHaveLength(1 + 2 * GARBAGE_ROUNDS);
    expect(third.events).toEqual(['up n1']);
  });

  it('is warned of once for many frames', async () => {
    const first = await start('n1', { n2: UNUSED_URL });
    for (let round = 1; round <= GARBAGE_ROUNDS; round += 1) {
      const rogue = dialAsPeer(first);
      await joined(rogue);
      binary([frameVersion, 1, 99, 0])(rogue);
      await vi.waitFor(() => expect(first.events).toHaveLength(2 * round));
    }
    expect(first.warnings).toEqual(['malformed frame from n2, connection closed: unknown message type 99']);
  });
});

/** The HTTP status of an attempt to upgrade; 0 when the socket just closes. */
async function upgrade(target: TestNode, path: string): Promise<number> {
  return new Promise((resolve) => {
    const headers = {
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-key': Buffer.alloc(16).toString('base64'),
      'sec-websocket-version': '13',
    };
    const sent = request(`${target.url()}${path}`, { headers });
    sent.on('upgrade', (response, socket) => {
      socket.destroy();
      resolve(response.statusCode ?? 0);
    });
    sent.on('response', (response) => resolve(response.statusCode ?? 0));
    sent.on('error', () => resolve(0));
    sent.end();
  });
}
