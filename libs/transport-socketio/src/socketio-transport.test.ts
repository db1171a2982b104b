import { nodeId } from '@latchkey/raft';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createSocketIoTransport } from './socketio-transport.js';
import type { TestNode } from './test-support/transport-harness.js';
import { LinkProxy, numbered, numbersOf, startNode, testSecret } from './test-support/transport-harness.js';

const UNUSED_URL = 'http://127.0.0.1:1';
const FLAPS = 20;
const KIB = 1_024;
const MIB = 1_024 * KIB;
const MESSAGE_BYTES = 64 * KIB;
const NO_PING_MS = 60_000;
/** Far below the 2 s after which a ping would notice. */
const AT_ONCE_MS = 500;
const PATIENCE_MS = 5_000;

const n1 = nodeId('n1');
const n2 = nodeId('n2');

const opened: { close(): unknown }[] = [];
afterEach(async () => {
  for (const thing of opened.splice(0)) await thing.close();
});

const start: typeof startNode = async (...parameters) => {
  const node = await startNode(...parameters);
  opened.push(node.transport);
  return node;
};

async function openProxy(target: TestNode): Promise<LinkProxy> {
  const proxy = await LinkProxy.to(target);
  opened.push(proxy);
  return proxy;
}

async function startPair(options: Parameters<typeof startNode>[2] = {}) {
  const first = await start('n1', { n2: UNUSED_URL }, options);
  const proxy = await openProxy(first);
  const second = await start('n2', { n1: proxy.url() }, options);
  await connected(first, second);
  return { first, second, proxy };
}

async function connected(...nodes: readonly TestNode[]): Promise<void> {
  await vi.waitFor(() => {
    for (const node of nodes) expect(node.transport.connectedPeers()).toHaveLength(nodes.length - 1);
  }, PATIENCE_MS);
}

describe('a cluster of three over Socket.IO', () => {
  it('connects every pair once and says who a message comes from', async () => {
    const first = await start('n1', { n1: UNUSED_URL, n2: UNUSED_URL, n3: UNUSED_URL });
    const second = await start('n2', { n1: first.url(), n2: UNUSED_URL, n3: UNUSED_URL });
    const third = await start('n3', { n1: first.url(), n2: second.url(), n3: UNUSED_URL });
    await connected(first, second, third);

    second.transport.send(n1, numbered(2));
    third.transport.send(n1, numbered(3));
    await vi.waitFor(() => expect(first.received).toHaveLength(2));

    expect(first.received).toContainEqual({ from: n2, message: numbered(2) });
    expect(first.received).toContainEqual({ from: nodeId('n3'), message: numbered(3) });
    expect(first.events.toSorted()).toEqual(['up n2', 'up n3']);
    expect([...first.warnings, ...second.warnings, ...third.warnings]).toEqual([]);
  });

  it('finds a peer that starts later', async () => {
    const first = await start('n1', { n2: UNUSED_URL });
    const port = first.transport.address().port;
    await first.transport.close();
    const second = await start('n2', { n1: `http://127.0.0.1:${port}` });
    const again = await start('n1', { n2: UNUSED_URL }, { listenPort: port });
    await connected(again, second);
  });
});

describe('traffic', () => {
  it('keeps the order in both directions, whatever the sizes', async () => {
    const { first, second } = await startPair();
    const count = 500;
    for (let number = 0; number < count; number += 1) {
      const byteLength = number % 50 === 0 ? 700 * KIB : number % 7;
      first.transport.send(n2, numbered(number, byteLength));
      second.transport.send(n1, numbered(number, byteLength));
    }
    await vi.waitFor(() => {
      expect(first.received).toHaveLength(count);
      expect(second.received).toHaveLength(count);
    }, PATIENCE_MS);
    const inOrder = Array.from({ length: count }, (_, number) => number);
    expect(numbersOf(first)).toEqual(inOrder);
    expect(numbersOf(second)).toEqual(inOrder);
  });

  it('sends the messages of one turn in one frame', async () => {
    const { first, second } = await startPair();
    for (let number = 0; number < 100; number += 1) first.transport.send(n2, numbered(number));
    await vi.waitFor(() => expect(second.received).toHaveLength(100));
    expect(second.transport.counters().get(n1)).toMatchObject({ receivedFrames: 1, receivedMessages: 100 });
  });

  it('drops a message that is longer than the limit, and the link stays', async () => {
    const { first, second } = await startPair({ limits: { maxMessageBytes: MIB } });
    second.transport.send(n1, numbered(1, MIB));
    second.transport.send(n1, numbered(2, MIB - 20));
    await vi.waitFor(() => expect(numbersOf(first)).toEqual([2]));
    expect(second.transport.counters().get(n1)).toMatchObject({ droppedTooLarge: 1 });
    expect(second.warnings).toEqual([expect.stringContaining('longer than')]);
    expect(first.events).toEqual(['up n2']);
  });

  it('ignores messages for unknown nodes and for itself', async () => {
    const { first } = await startPair();
    first.transport.send(nodeId('n9'), numbered(1));
    first.transport.send(n1, numbered(1));
    expect(first.events).toEqual(['up n2']);
  });
});

describe('a connection that is lost (FAILURE-MODES 49, 51)', () => {
  it('is reported at once on both sides, once, and comes back', async () => {
    const { first, second, proxy } = await startPair();
    proxy.breakAll();
    await vi.waitFor(
      () => {
        expect(first.events.slice(0, 2)).toEqual(['up n2', 'down n2']);
        expect(second.events.slice(0, 2)).toEqual(['up n1', 'down n1']);
      },
      { timeout: AT_ONCE_MS, interval: 1 },
    );
    await connected(first, second);
    expect(first.events).toEqual(['up n2', 'down n2', 'up n2']);
    expect(second.events).toEqual(['up n1', 'down n1', 'up n1']);
  });

  it('is reported at once when the other node stops', async () => {
    const { first, second } = await startPair();
    await second.transport.close();
    await vi.waitFor(() => expect(first.events).toEqual(['up n2', 'down n2']), { timeout: AT_ONCE_MS, interval: 1 });
    expect(second.events).toEqual(['up n1']);
  });

  it('takes with it what was sent meanwhile: no stale burst after any reconnect', async () => {
    const { first, second, proxy } = await startPair({ limits: { redialDelayMinMs: 5, redialDelayMaxMs: 20 } });
    for (let flap = 1; flap <= FLAPS; flap += 1) {
      proxy.breakAll();
      await vi.waitFor(() => expect(second.transport.connectedPeers()).toEqual([]), { interval: 1 });
      for (let count = 0; count < 100; count += 1) second.transport.send(n1, numbered(0));
      await connected(first, second);
      second.transport.send(n1, numbered(flap));
      await vi.waitFor(() => expect(numbersOf(first).at(-1)).toBe(flap), { interval: 1 });
    }
    expect(numbersOf(first)).toEqual(Array.from({ length: FLAPS }, (_, index) => index + 1));
    expect(second.transport.counters().get(n1)).toMatchObject({ droppedNotConnected: FLAPS * 100 });
  });

  it('is noticed by the ping when nothing arrives any more', async () => {
    const { first, second, proxy } = await startPair({ limits: { pingIntervalMs: 100, pingTimeoutMs: 200 } });
    proxy.stopReading('dialler');
    proxy.stopReading('acceptor');
    await vi.waitFor(() => {
      expect(first.events.slice(0, 2)).toEqual(['up n2', 'down n2']);
      expect(second.events.slice(0, 2)).toEqual(['up n1', 'down n1']);
    }, PATIENCE_MS);
  });
});

describe('a peer that reads no more', () => {
  it.each([
    ['dialler', 'n2'],
    ['acceptor', 'n1'],
  ] as const)('costs the %s a bounded queue; what got in arrives in order', async (side, senderName) => {
    const limits = { maxQueuedBytes: 8 * MIB, pingTimeoutMs: NO_PING_MS, pingIntervalMs: NO_PING_MS };
    const { first, second, proxy } = await startPair({ limits });
    const [sender, receiver] = senderName === 'n1' ? [first, second] : [second, first];
    const counters = () => sender.transport.counters().get(receiver.id);
    proxy.stopReading(side);

    let sentCount = 0;
    await vi.waitFor(
      () => {
        for (let count = 0; count < 20; count += 1) {
          sender.transport.send(receiver.id, numbered(sentCount, MESSAGE_BYTES));
          sentCount += 1;
        }
        expect(counters()?.droppedQueueFull).toBeGreaterThan(100);
      },
      { timeout: PATIENCE_MS, interval: 1 },
    );
    proxy.readAgain(side);

    const droppedCount = counters()?.droppedQueueFull ?? 0;
    await vi.waitFor(() => expect(receiver.received).toHaveLength(sentCount - droppedCount), PATIENCE_MS);
    const numbers = numbersOf(receiver);
    expect(numbers).toEqual(numbers.toSorted((left, right) => left - right));
    expect(sender.events).toHaveLength(1);
  });
});

describe('start and close', () => {
  it('says in one line that the port is in use', async () => {
    const squatter = createServer();
    await new Promise<void>((resolve) => squatter.listen(0, '127.0.0.1', resolve));
    opened.push(squatter);
    const { port } = squatter.address() as AddressInfo; // a TCP server that listens on a port
    await expect(startNode('n1', {}, { listenPort: port })).rejects.toMatchObject({
      name: 'PeerListenError',
      code: 'EADDRINUSE',
      message: `cannot listen for peers on 127.0.0.1:${port}: the port is in use`,
    });
  });

  it('closes twice, frees the port, and drops what is sent afterwards', async () => {
    const { first, second } = await startPair();
    const { port } = first.transport.address();
    await Promise.all([first.transport.close(), first.transport.close()]);
    first.transport.send(n2, numbered(1));
    expect(first.events).toEqual(['up n2']);
    expect(second.received).toEqual([]);
    await start('n1', {}, { listenPort: port });
  });

  it('delivers what was sent just before an orderly close', async () => {
    const { first, second } = await startPair();
    first.transport.send(n2, numbered(7));
    await first.transport.close();
    await vi.waitFor(() => expect(numbersOf(second)).toEqual([7]));
  });

  it('closes without having been started', async () => {
    const listen = { listenHost: '127.0.0.1', listenPort: 0 };
    const transport = createSocketIoTransport({
      nodeId: n1,
      clusterId: 'c',
      peers: new Map(),
      secret: testSecret,
      ...listen,
    });
    await expect(transport.close()).resolves.toBeUndefined();
  });

  it('refuses a short secret and limits that contradict each other', async () => {
    await expect(startNode('n1', {}, { secret: 'short' })).rejects.toThrow('secret');
    await expect(startNode('n1', {}, { limits: { maxMessageBytes: 100 } })).rejects.toThrow('coalescedFrameBytes');
  });
});
