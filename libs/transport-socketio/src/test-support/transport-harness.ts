/** Nodes and links for this lib's tests. */
import type { NodeId } from '@latchkey/raft';
import { logIndex, nodeId, term } from '@latchkey/raft';
import type { BulkMessage, PeerMessage } from '@latchkey/replica';
import type { AddressInfo, Server, Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import type { SocketIoTransport, SocketIoTransportOptions } from '../socketio-transport.js';
import { createSocketIoTransport } from '../socketio-transport.js';

export const testSecret = 'a secret of the tests, long enough';
export const testClusterId = 'cluster-of-the-tests';

export type TestNode = {
  readonly id: NodeId;
  readonly transport: SocketIoTransport;
  /** `up n1`, `down n1`, `up n1`, … in the order of the calls. */
  readonly events: string[];
  readonly received: { readonly from: NodeId; readonly message: PeerMessage }[];
  readonly warnings: string[];
  url(): string;
};

/** Starts a node on a free port of the loopback. `peers` maps a name to a URL; a node's own URL is not needed. */
export async function startNode(
  name: string,
  peers: Readonly<Record<string, string>>,
  overrides: Partial<SocketIoTransportOptions> = {},
): Promise<TestNode> {
  const events: string[] = [];
  const received: { from: NodeId; message: PeerMessage }[] = [];
  const warnings: string[] = [];
  const transport = createSocketIoTransport({
    nodeId: nodeId(name),
    clusterId: testClusterId,
    peers: new Map(Object.entries(peers).map(([peer, url]) => [nodeId(peer), url])),
    listenHost: '127.0.0.1',
    listenPort: 0,
    secret: testSecret,
    observer: { warning: (message) => warnings.push(message) },
    ...overrides,
  });
  await transport.start({
    onMessage: (from, message) => received.push({ from, message }),
    onPeerUp: (peer) => events.push(`up ${peer}`),
    onPeerDown: (peer) => events.push(`down ${peer}`),
  });
  const url = () => `http://127.0.0.1:${transport.address().port}`;
  return { id: nodeId(name), transport, events, received, warnings, url };
}

/** A request whose number tells messages apart. */
export function numbered(requestId: number, byteLength = 0): PeerMessage {
  return { type: 'leaderRequest', requestId, body: new Uint8Array(byteLength) };
}

export function numbersOf(node: TestNode): number[] {
  return node.received.flatMap(({ message }) => {
    if (message.type === 'snapshotChunk') return [];
    return message.type === 'leaderRequest' ? [message.requestId] : [-1];
  });
}

/** A TCP link that can break and stop. */
export class LinkProxy {
  readonly #server: Server;
  readonly #pairs = new Set<readonly [dialler: Socket, acceptor: Socket]>();
  readonly #unserved = new Set<Socket>();

  /** Whether connections from now on are closed at once, or accepted and then never served. */
  newConnections: 'serve' | 'refuse' | 'hold' = 'serve';

  private constructor(targetPort: number) {
    this.#server = createServer((dialler) => {
      if (this.newConnections !== 'serve') {
        this.#unserved.add(dialler.on('error', () => {}));
        if (this.newConnections === 'refuse') dialler.destroy();
        return;
      }
      const acceptor = connect(targetPort, '127.0.0.1');
      const pair = [dialler, acceptor] as const;
      this.#pairs.add(pair);
      for (const [from, to] of [pair, [acceptor, dialler] as const]) {
        from.pipe(to);
        from.on('error', () => {});
        from.on('close', () => {
          to.destroy();
          this.#pairs.delete(pair);
        });
      }
    });
  }

  static async to(node: TestNode): Promise<LinkProxy> {
    const proxy = new LinkProxy(node.transport.address().port);
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  url(): string {
    // A TCP server that listens on a port has an address of this type.
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** What the other side of a killed process sees. */
  breakAll(): void {
    for (const pair of this.#pairs) for (const socket of pair) socket.resetAndDestroy();
  }

  /** Connections that are open, in the order of their opening: the main one before the bulk one. */
  get connectionCount(): number {
    return this.#pairs.size;
  }

  /** Breaks the connection that was opened last. */
  breakLast(): void {
    for (const socket of [...this.#pairs].at(-1) ?? []) socket.resetAndDestroy();
  }

  /** Reads no more from one side: its bytes pile up there. */
  stopReading(side: 'dialler' | 'acceptor', which: 'all' | 'last' = 'all'): void {
    const pairs = [...this.#pairs].slice(which === 'last' ? -1 : 0);
    for (const pair of pairs) pair[side === 'dialler' ? 0 : 1].unpipe().pause();
  }

  readAgain(side: 'dialler' | 'acceptor'): void {
    for (const [dialler, acceptor] of this.#pairs) {
      if (side === 'dialler') dialler.pipe(acceptor);
      else acceptor.pipe(dialler);
    }
  }

  close(): void {
    this.breakAll();
    for (const socket of this.#unserved) socket.destroy();
    this.#server.close();
  }
}

/** A chunk of a snapshot whose sequence tells it apart. */
export function chunk(sequence: number, byteLength = 0): BulkMessage {
  return {
    type: 'snapshotChunk',
    transferId: 7,
    leaderTerm: term(3),
    snapshot: {
      index: logIndex(9),
      term: term(2),
      membership: { voters: [nodeId('n1'), nodeId('n2')], votersOutgoing: [], learners: [], addresses: {} },
    },
    sequence,
    data: new Uint8Array(byteLength).fill(sequence),
    checksum: sequence,
    isLast: false,
  };
}

export function chunksOf(node: TestNode): number[] {
  return node.received.flatMap(({ message }) => (message.type === 'snapshotChunk' ? [message.sequence] : []));
}
