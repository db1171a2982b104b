import { nodeId } from '@latchkey/raft';
import { MAX_SNAPSHOT_CHUNK_BYTES } from '@latchkey/replica';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { PeerTransportLimits } from './peer-transport-limits.js';
import type { TestNode } from './test-support/transport-harness.js';
import { chunk, chunksOf, LinkProxy, numbered, numbersOf, startNode } from './test-support/transport-harness.js';

const UNUSED_URL = 'http://127.0.0.1:1';
const PATIENCE_MS = 5_000;
const NO_PING_MS = 60_000;
const NEVER_MS = 600_000;
const SHORT_MS = 50;
const CHUNKS = 40;
/** More than the kernel's buffers of a loopback connection and the queue in front of them take. */
const DROPPED_ENOUGH = 100;
const MAX_BULK_QUEUED_BYTES = 1024 * 1024;
const QUICK_REDIAL = { redialDelayMinMs: 5, redialDelayMaxMs: 20 };

const n1 = nodeId('n1');
const n2 = nodeId('n2');

const opened: { close(): unknown }[] = [];
afterEach(async () => {
  for (const thing of opened.splice(0)) await thing.close();
});

/** n2 dials n1 through the proxy. */
async function startPair(limits: Partial<PeerTransportLimits> = {}) {
  const first = await startNode('n1', { n2: UNUSED_URL }, { limits });
  const proxy = await LinkProxy.to(first);
  const second = await startNode('n2', { n1: proxy.url() }, { limits });
  opened.push(first.transport, second.transport, proxy);
  await connected(first, second);
  return { first, second, proxy };
}

async function connected(...nodes: readonly TestNode[]): Promise<void> {
  await vi.waitFor(() => {
    for (const node of nodes) expect(node.transport.connectedPeers()).toHaveLength(1);
  }, PATIENCE_MS);
}

type Pair = Awaited<ReturnType<typeof startPair>>;

function roles({ first, second }: Pair, sender: 'dialler' | 'acceptor') {
  return sender === 'dialler' ? { sender: second, receiver: first } : { sender: first, receiver: second };
}

function dropped(sender: TestNode, receiver: TestNode) {
  return sender.transport.bulkCounters().get(receiver.id);
}

/** Repeats it as the protocol above would: what is on a connection when that breaks is lost, and the next comes after a pause. */
async function chunkArrives(sender: TestNode, receiver: TestNode, sequence: number): Promise<void> {
  await vi.waitFor(
    () => {
      if (!chunksOf(receiver).includes(sequence)) sender.transport.send(receiver.id, chunk(sequence));
      expect(chunksOf(receiver)).toContain(sequence);
    },
    { timeout: PATIENCE_MS, interval: 20 },
  );
}

const differentChunksOf = (node: TestNode): number[] => [...new Set(chunksOf(node))];

const bothSides = ['dialler', 'acceptor'] as const;

describe.each(bothSides)('bulk messages that the %s sends (FAILURE-MODES 50)', (side) => {
  it('open a connection of their own with the first one, and nobody is told of it', async () => {
    const pair = await startPair();
    const { sender, receiver } = roles(pair, side);
    expect(pair.proxy.connectionCount).toBe(1);
    sender.transport.send(receiver.id, chunk(0));
    await vi.waitFor(() => expect(receiver.received).toEqual([{ from: sender.id, message: chunk(0) }]), PATIENCE_MS);
    expect(pair.proxy.connectionCount).toBe(2);
    expect([pair.first.events, pair.second.events]).toEqual([['up n2'], ['up n1']]);
    expect([...pair.first.warnings, ...pair.second.warnings]).toEqual([]);
    expect(receiver.transport.counters().get(sender.id)).toMatchObject({ receivedMessages: 0 });
    expect(receiver.transport.bulkCounters().get(sender.id)).toMatchObject({ receivedMessages: 1 });
  });

  it('keep their order, also those that waited for the connection, and share it with the answers', async () => {
    const pair = await startPair({ maxBulkQueuedBytes: (CHUNKS + 1) * (MAX_SNAPSHOT_CHUNK_BYTES + 1_024) });
    const { sender, receiver } = roles(pair, side);
    for (let sequence = 0; sequence < CHUNKS; sequence += 1) {
      sender.transport.send(receiver.id, chunk(sequence, MAX_SNAPSHOT_CHUNK_BYTES));
      receiver.transport.send(sender.id, chunk(sequence));
    }
    const inOrder = Array.from({ length: CHUNKS }, (_, sequence) => sequence);
    await vi.waitFor(() => {
      expect(chunksOf(receiver)).toEqual(inOrder);
      expect(chunksOf(sender)).toEqual(inOrder);
    }, PATIENCE_MS);
    expect(pair.proxy.connectionCount).toBe(2);
  });

  it('hold up nothing else when the other side reads no more: each heartbeat arrives before the next is sent', async () => {
    const limits = { maxBulkQueuedBytes: MAX_BULK_QUEUED_BYTES, pingIntervalMs: NO_PING_MS, pingTimeoutMs: NO_PING_MS };
    const pair = await startPair({ ...limits, bulkIdleMs: NEVER_MS });
    const { sender, receiver } = roles(pair, side);
    sender.transport.send(receiver.id, chunk(0));
    await vi.waitFor(() => expect(chunksOf(receiver)).toEqual([0]));
    pair.proxy.stopReading(side, 'last');

    let heartbeats = 0;
    let sentChunks = 1;
    while ((dropped(sender, receiver)?.droppedQueueFull ?? 0) < DROPPED_ENOUGH) {
      for (let count = 0; count < 10; count += 1) {
        sender.transport.send(receiver.id, chunk(sentChunks, MAX_SNAPSHOT_CHUNK_BYTES));
        sentChunks += 1;
      }
      heartbeats += 1;
      sender.transport.send(receiver.id, numbered(heartbeats));
      await vi.waitFor(() => expect(numbersOf(receiver).at(-1)).toBe(heartbeats), { interval: 1 });
    }

    expect(numbersOf(receiver)).toEqual(Array.from({ length: heartbeats }, (_, index) => index + 1));
    expect(chunksOf(receiver)).toEqual([0]);
    expect(sender.events).toHaveLength(1);

    pair.proxy.readAgain(side);
    const arriving = sentChunks - (dropped(sender, receiver)?.droppedQueueFull ?? 0);
    await vi.waitFor(() => expect(chunksOf(receiver)).toHaveLength(arriving), PATIENCE_MS);
    expect(chunksOf(receiver)).toEqual(chunksOf(receiver).toSorted((left, right) => left - right));
    expect([pair.first.events, pair.second.events]).toEqual([['up n2'], ['up n1']]);
  });

  it('get a new connection after theirs is lost, which is no loss of the peer', async () => {
    const pair = await startPair(QUICK_REDIAL);
    const { sender, receiver } = roles(pair, side);
    await chunkArrives(sender, receiver, 1);
    pair.proxy.breakLast();
    await vi.waitFor(() => expect(pair.proxy.connectionCount).toBe(1));
    await chunkArrives(sender, receiver, 2);
    expect(pair.proxy.connectionCount).toBe(2);
    expect([pair.first.events, pair.second.events]).toEqual([['up n2'], ['up n1']]);
  });

  it('let their connection go when none has passed for a while, and open it again', async () => {
    const pair = await startPair({ ...QUICK_REDIAL, bulkIdleMs: SHORT_MS });
    const { sender, receiver } = roles(pair, side);
    for (const sequence of [1, 2]) {
      await chunkArrives(sender, receiver, sequence);
      await vi.waitFor(() => expect(pair.proxy.connectionCount).toBe(1));
    }
    expect([pair.first.events, pair.second.events]).toEqual([['up n2'], ['up n1']]);
    expect([...pair.first.warnings, ...pair.second.warnings]).toEqual([]);
  });

  it('are dropped with the peer: none is delivered after its return', async () => {
    const pair = await startPair(QUICK_REDIAL);
    const { sender, receiver } = roles(pair, side);
    await chunkArrives(sender, receiver, 1);
    pair.proxy.newConnections = 'refuse';
    pair.proxy.breakAll();
    await vi.waitFor(() => expect(sender.events).toHaveLength(2), { interval: 1 });
    const droppedBefore = dropped(sender, receiver)?.droppedNotConnected ?? 0;
    sender.transport.send(receiver.id, chunk(2));
    expect(dropped(sender, receiver)).toMatchObject({ droppedNotConnected: droppedBefore + 1 });
    pair.proxy.newConnections = 'serve';
    await connected(pair.first, pair.second);
    await chunkArrives(sender, receiver, 3);
    expect(differentChunksOf(receiver)).toEqual([1, 3]);
  });

  it('wait only so long and so many for a connection that does not come; later ones get theirs', async () => {
    const limits = { ...QUICK_REDIAL, handshakeTimeoutMs: SHORT_MS * 2, maxBulkQueuedBytes: MAX_BULK_QUEUED_BYTES };
    const pair = await startPair(limits);
    const { sender, receiver } = roles(pair, side);
    pair.proxy.newConnections = 'hold';
    for (let sequence = 0; sequence < 10; sequence += 1) {
      sender.transport.send(receiver.id, chunk(sequence, MAX_SNAPSHOT_CHUNK_BYTES));
    }
    expect(dropped(sender, receiver)).toMatchObject({ droppedQueueFull: 7, droppedNotConnected: 0 });
    await vi.waitFor(() => expect(dropped(sender, receiver)).toMatchObject({ droppedNotConnected: 3 }));
    expect(sender.warnings).toEqual([expect.stringContaining(`no bulk connection to peer ${receiver.id}`)]);
    pair.proxy.newConnections = 'serve';
    await chunkArrives(sender, receiver, 11);
    expect(differentChunksOf(receiver)).toEqual([11]);
    expect([pair.first.events, pair.second.events]).toEqual([['up n2'], ['up n1']]);
  });
});

describe('a bulk message', () => {
  it('is dropped with a warning when it is longer than the limit, and both connections stay', async () => {
    const { first, second, proxy } = await startPair();
    second.transport.send(n1, chunk(0));
    await vi.waitFor(() => expect(chunksOf(first)).toEqual([0]));
    second.transport.send(n1, chunk(1, 2 * MAX_SNAPSHOT_CHUNK_BYTES));
    second.transport.send(n1, chunk(2));
    await vi.waitFor(() => expect(chunksOf(first)).toEqual([0, 2]));
    expect(dropped(second, first)).toMatchObject({ droppedTooLarge: 1 });
    expect(second.warnings).toEqual([expect.stringContaining('longer than')]);
    expect(proxy.connectionCount).toBe(2);
  });

  it('for a peer that cannot be dialled again is dropped at once when the attempt fails', async () => {
    const { first, second, proxy } = await startPair(QUICK_REDIAL);
    proxy.newConnections = 'refuse';
    second.transport.send(n1, chunk(1));
    await vi.waitFor(() => expect(dropped(second, first)).toMatchObject({ droppedNotConnected: 1 }));
    expect(second.warnings).toEqual([expect.stringContaining('no bulk connection to peer n1')]);
    expect(second.events).toEqual(['up n1']);
  });

  it('does not keep a transport from closing, waiting or on its way', async () => {
    const { first, second, proxy } = await startPair();
    proxy.newConnections = 'hold';
    second.transport.send(n1, chunk(1));
    first.transport.send(n2, chunk(1));
    await Promise.all([first.transport.close(), second.transport.close()]);
    expect([first.events, second.events]).toEqual([['up n2'], ['up n1']]);
  });
});
