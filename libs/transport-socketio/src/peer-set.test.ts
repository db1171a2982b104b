import type { NodeId } from '@latchkey/raft';
import { nodeId } from '@latchkey/raft';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { SocketIoTransport } from './socketio-transport.js';
import { createSocketIoTransport } from './socketio-transport.js';
import type { TestNode } from './test-support/transport-harness.js';
import {
  chunk,
  chunksOf,
  LinkProxy,
  numbered,
  numbersOf,
  startNode,
  testClusterId,
  testSecret,
} from './test-support/transport-harness.js';

const UNUSED_URL = 'http://127.0.0.1:1';
const PATIENCE_MS = 5_000;
const LIMITS = { redialDelayMinMs: 5, redialDelayMaxMs: 20, redialDelayRefusedMs: 20 };

const [n0, n1, n2, n3] = ['n0', 'n1', 'n2', 'n3'].map(nodeId) as [NodeId, NodeId, NodeId, NodeId]; // four names, four ids

const opened: { close(): unknown }[] = [];
afterEach(async () => {
  for (const thing of opened.splice(0)) await thing.close();
});

async function start(name: string, peers: Readonly<Record<string, string>>): Promise<TestNode> {
  const node = await startNode(name, peers, { limits: LIMITS });
  opened.push(node.transport);
  return node;
}

const configured = (...ids: readonly NodeId[]) => ids.map((id) => ({ id, address: null }));

/** n1, n2 and n3, connected. */
async function startCluster() {
  const first = await start('n1', { n2: UNUSED_URL, n3: UNUSED_URL });
  const second = await start('n2', { n1: first.url(), n3: UNUSED_URL });
  const third = await start('n3', { n1: first.url(), n2: second.url() });
  await vi.waitFor(() => {
    for (const node of [first, second, third]) expect(node.transport.connectedPeers()).toHaveLength(2);
  }, PATIENCE_MS);
  return { first, second, third };
}

const about = (node: TestNode, peer: NodeId) => node.events.filter((event) => event.endsWith(peer));

describe('a node that joins', () => {
  it('is refused and reads why, until the members are told of it; their own connections stay', async () => {
    const first = await start('n1', { n2: UNUSED_URL });
    const second = await start('n2', { n1: first.url() });
    const joiner = await start('n3', { n1: first.url(), n2: second.url() });
    await vi.waitFor(() => {
      expect(joiner.warnings).toContainEqual(expect.stringContaining('"n3" is no peer of "n1"'));
      expect(joiner.warnings).toContainEqual(expect.stringContaining('"n3" is no peer of "n2"'));
    }, PATIENCE_MS);
    first.transport.setPeers([...configured(n2), { id: n3, address: joiner.url() }]);
    await vi.waitFor(() => expect(joiner.events).toEqual(['up n1']), PATIENCE_MS);
    expect(second.transport.connectedPeers()).toEqual([n1]);
    second.transport.setPeers([...configured(n1), { id: n3, address: joiner.url() }]);
    await vi.waitFor(() => expect(joiner.events).toEqual(['up n1', 'up n2']), PATIENCE_MS);
    expect(first.events).toEqual(['up n2', 'up n3']);
    expect(second.events).toEqual(['up n1', 'up n3']);
  });

  it('is dialled at the address that the members are told when it is their turn to dial', async () => {
    const first = await start('n1', { n2: UNUSED_URL });
    const joiner = await start('n0', { n1: UNUSED_URL });
    first.transport.setPeers([...configured(n2), { id: n0, address: joiner.url() }]);
    await vi.waitFor(() => expect([joiner.events, first.events]).toEqual([['up n1'], ['up n0']]), PATIENCE_MS);
    first.transport.send(n0, chunk(1));
    joiner.transport.send(n1, chunk(2));
    await vi.waitFor(() => expect([chunksOf(joiner), chunksOf(first)]).toEqual([[1], [2]]), PATIENCE_MS);
  });

  it('is not looked for at a link-local address, whoever proposed it (SECURITY S20)', async () => {
    const first = await start('n1', {});
    first.transport.setPeers([{ id: n0, address: 'http://169.254.169.254:80' }]);
    expect(first.warnings).toEqual(['no valid address for peer n0']);
    const joiner = await start('n0', { n1: UNUSED_URL });
    first.transport.setPeers([{ id: n0, address: joiner.url() }]);
    await vi.waitFor(() => expect(first.events).toEqual(['up n0']), PATIENCE_MS);
  });
});

describe('a peer that is one no more', () => {
  it('is disconnected, told of once on both sides, refused with the reason in its own log, and let in when named again', async () => {
    const { first, second, third } = await startCluster();
    first.transport.setPeers(configured(n2));
    await vi.waitFor(() => {
      expect(third.warnings).toEqual([expect.stringContaining('refused this node: "n3" is no peer of "n1"')]);
    }, PATIENCE_MS);
    expect(about(first, n3)).toEqual(['up n3', 'down n3']);
    expect(about(third, n1)).toEqual(['up n1', 'down n1']);
    expect([about(first, n2), about(second, n1), about(third, n2)]).toEqual([['up n2'], ['up n1'], ['up n2']]);
    first.transport.send(n3, numbered(1));
    expect(first.transport.counters().has(n3)).toBe(false);

    first.transport.setPeers(configured(n2, n3));
    await vi.waitFor(() => expect(about(third, n1)).toEqual(['up n1', 'down n1', 'up n1']), PATIENCE_MS);
    expect(about(first, n3)).toEqual(['up n3', 'down n3', 'up n3']);
    expect(third.received).toEqual([]);
  });

  it('is not dialled any more, and its bulk connection is closed too', async () => {
    const first = await start('n1', { n2: UNUSED_URL });
    const proxy = await LinkProxy.to(first);
    opened.push(proxy);
    const second = await start('n2', { n1: proxy.url(), n3: UNUSED_URL });
    await vi.waitFor(() => expect(second.events).toEqual(['up n1']), PATIENCE_MS);
    second.transport.send(n1, chunk(1));
    await vi.waitFor(() => expect(chunksOf(first)).toEqual([1]), PATIENCE_MS);
    second.transport.setPeers(configured(n3));
    expect(second.events).toEqual(['up n1', 'down n1']);
    await vi.waitFor(() => expect(proxy.connectionCount).toBe(0));
    // n3 comes as late as n1 would have come back.
    const third = await start('n3', { n2: second.url() });
    await vi.waitFor(() => expect(third.events).toEqual(['up n2']), PATIENCE_MS);
    expect(proxy.connectionCount).toBe(0);
    expect(first.events).toEqual(['up n2', 'down n2']);
  });

  it('still gets what was sent to it before', async () => {
    const { first, third } = await startCluster();
    first.transport.send(n3, numbered(7));
    first.transport.setPeers(configured(n2));
    await vi.waitFor(() => expect(numbersOf(third)).toEqual([7]));
  });
});

describe('a peer that is elsewhere', () => {
  it('is dialled at its new address, and found again at the configured one', async () => {
    const { first, second, third } = await startCluster();
    const proxy = await LinkProxy.to(first);
    opened.push(proxy);
    second.transport.setPeers([{ id: n1, address: proxy.url() }, ...configured(n3)]);
    await vi.waitFor(() => expect(about(second, n1)).toEqual(['up n1', 'down n1', 'up n1']), PATIENCE_MS);
    expect(proxy.connectionCount).toBe(1);
    second.transport.setPeers(configured(n1, n3));
    await vi.waitFor(() => expect(about(second, n1).slice(3)).toEqual(['down n1', 'up n1']), PATIENCE_MS);
    expect(proxy.connectionCount).toBe(0);
    expect(about(second, n3)).toEqual(['up n3']);
    expect(about(first, n3)).toEqual(['up n3']);
    expect(about(third, n2)).toEqual(['up n2']);
  });
});

describe('the same peers once more', () => {
  it('change nothing: also by another spelling of an address, or an address of one who dials, or the own one', async () => {
    const { first, second, third } = await startCluster();
    const before = [first, second, third].map((node) => [...node.events]);
    second.transport.setPeers(configured(n1, n3));
    second.transport.setPeers([{ id: n1, address: `${first.url()}/` }, ...configured(n3, n2)]);
    first.transport.setPeers([{ id: n2, address: 'http://127.0.0.1:2' }, ...configured(n3)]);
    first.transport.send(n2, numbered(1));
    second.transport.send(n1, numbered(2));
    await vi.waitFor(() => expect([numbersOf(second), numbersOf(first)]).toEqual([[1], [2]]));
    expect([first, second, third].map((node) => node.events)).toEqual(before);
  });
});

describe('peers set at other times than in the midst of work', () => {
  function create(peers: readonly (readonly [NodeId, string])[]): SocketIoTransport {
    const transport = createSocketIoTransport({
      nodeId: n2,
      clusterId: testClusterId,
      peers: new Map(peers),
      listenHost: '127.0.0.1',
      listenPort: 0,
      secret: testSecret,
      limits: LIMITS,
    });
    opened.push(transport);
    return transport;
  }

  it('before the start, they are those that it connects to', async () => {
    const first = await start('n1', { n2: UNUSED_URL });
    const other = await start('n0', { n2: UNUSED_URL });
    const transport = create([[n0, other.url()]]);
    transport.setPeers([{ id: n1, address: first.url() }]);
    const ups: NodeId[] = [];
    await transport.start({ onMessage: () => {}, onPeerUp: (peer) => ups.push(peer), onPeerDown: () => {} });
    await vi.waitFor(() => expect(ups).toEqual([n1]), PATIENCE_MS);
    expect(other.events).toEqual([]);
  });

  it('by a handler that is just told of a peer, it is up and down once and does not come back', async () => {
    const first = await start('n1', { n2: UNUSED_URL });
    const other = await start('n0', { n2: UNUSED_URL });
    const transport = create([[n1, first.url()]]);
    const events: string[] = [];
    await transport.start({
      onMessage: () => {},
      onPeerUp: (peer) => {
        events.push(`up ${peer}`);
        transport.setPeers([{ id: n0, address: other.url() }]);
      },
      onPeerDown: (peer) => events.push(`down ${peer}`),
    });
    await vi.waitFor(() => expect(events).toEqual(['up n1', 'down n1', 'up n0']), PATIENCE_MS);
    await vi.waitFor(() => expect(first.events).toEqual(['up n2', 'down n2']));
  });

  it('after the end, nothing happens', async () => {
    const first = await start('n1', { n2: UNUSED_URL });
    const transport = create([]);
    await transport.close();
    transport.setPeers([{ id: n1, address: first.url() }]);
    expect(transport.counters().size).toBe(0);
  });
});
