import { nodeId, type NodeId } from '@latchkey/raft';
import { createPostgresStores } from '@latchkey/storage-postgres';
import { createSocketIoTransport, type SocketIoTransport } from '@latchkey/transport-socketio';
import { SystemClock } from '../../apps/server/src/cluster/system-clock.js';
import { createDatabase, queryOnce } from '../support/postgres.js';
import { TcpProxy } from '../support/tcp-proxy.js';
import type { LabPlatform, ProcessParts } from './lab-platform.js';

const HOST = '127.0.0.1';
const CLUSTER_ID = 'lab';
const SECRET = 'the secret of the lab';
/** More servers than any story has. */
const MAX_SERVERS = 7;
/** A peer that does not listen: nobody may use this port. */
const NOWHERE = `http://${HOST}:1`;
/** A lost link is noticed and dialled again within a fraction of an election timeout, as on one machine it can be. */
const LIMITS = {
  redialDelayMinMs: 10,
  redialDelayMaxMs: 50,
  handshakeTimeoutMs: 1_000,
  closeGraceMs: 10,
};

/** The wire of two servers: one connection, dialled by the one through a proxy to the other. */
type Wire = { readonly proxy: TcpProxy; readonly port: number };

/** Replicas in this process; between them real sockets, under each a Postgres database of its own. */
export class RealPlatform implements LabPlatform {
  readonly clock = new SystemClock();
  /** Real seconds are dear: of Figure 8's 1000 rounds and the 30 with snapshots, these are told here; the rest as in the lab. */
  readonly rounds = { figure8: 100, unreliableAgreements: 49, churn: 20, snapshots: 6 };
  readonly writeDelayMs = 0;
  readonly isTimeExact = false;
  private readonly databases = new Map<NodeId, Promise<string>>();
  private readonly transports = new Map<NodeId, SocketIoTransport>();
  private readonly ports = new Map<NodeId, number>();
  private readonly wires = new Map<string, Wire>();
  private readonly cut = new Set<string>();
  /** Where each server dials each other one. Read anew at each attempt. */
  private readonly addresses = new Map<NodeId, Map<NodeId, string>>();
  private closedBytes = 0;

  constructor() {
    const everyone = Array.from({ length: MAX_SERVERS }, (_, number) => nodeId(`s${number}`));
    for (const node of everyone) this.addresses.set(node, new Map(everyone.map((peer) => [peer, NOWHERE])));
  }

  async open(node: NodeId): Promise<ProcessParts> {
    const creating = this.databases.get(node) ?? createDatabase();
    this.databases.set(node, creating);
    const stores = createPostgresStores({ url: await creating, nodeId: node, clusterId: CLUSTER_ID });
    const transport = createSocketIoTransport({
      nodeId: node,
      clusterId: CLUSTER_ID,
      peers: this.addressesOf(node),
      listenHost: HOST,
      listenPort: 0,
      secret: SECRET,
      limits: LIMITS,
    });
    this.transports.set(node, transport);
    return { transport, ...stores };
  }

  async listens(node: NodeId): Promise<void> {
    const transport = this.transports.get(node);
    if (transport === undefined) throw new Error(`${node} was not opened`);
    this.ports.set(node, transport.address().port);
    await Promise.all([...this.addresses.keys()].filter((peer) => peer > node).map((peer) => this.relay(peer, node)));
  }

  gone(node: NodeId): void {
    this.ports.delete(node);
    const transport = this.transports.get(node);
    if (transport !== undefined) this.closedBytes += bytesSentBy(transport);
    this.transports.delete(node);
  }

  async setLinked(one: NodeId, two: NodeId, isLinked: boolean): Promise<void> {
    const [dialler, listener] = one > two ? [one, two] : [two, one];
    const name = wireOf(dialler, listener);
    if (isLinked === !this.cut.has(name)) return;
    if (isLinked) this.cut.delete(name);
    else this.cut.add(name);
    // A connection that has lost bytes is of no use any more, so a wire that is mended is a new one.
    if (isLinked) await this.relay(dialler, listener);
    else this.wires.get(name)?.proxy.blackhole();
  }

  sentBytes(): number {
    return [...this.transports.values()].reduce((sum, transport) => sum + bytesSentBy(transport), this.closedBytes);
  }

  async logBytes(node: NodeId): Promise<number> {
    const url = await this.databases.get(node);
    if (url === undefined) return 0;
    const rows = await queryOnce(url, 'SELECT coalesce(sum(octet_length(bytes)), 0) AS sum FROM latchkey.log_batch');
    return Number(rows[0]?.['sum']);
  }

  /** Time goes on by itself; a story that takes too long is ended by the test runner. */
  async run(story: () => Promise<void>): Promise<void> {
    await story();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.wires.values()].map(({ proxy }) => proxy[Symbol.asyncDispose]()));
  }

  /** A new wire, where there was one or not. */
  private async relay(dialler: NodeId, listener: NodeId): Promise<void> {
    const name = wireOf(dialler, listener);
    const port = this.ports.get(listener);
    if (port === undefined) return;
    const proxy = await TcpProxy.to(port);
    const before = this.wires.get(name)?.proxy;
    this.wires.set(name, { proxy, port });
    if (this.cut.has(name)) proxy.blackhole();
    this.addressesOf(dialler).set(listener, proxy.url);
    await before?.[Symbol.asyncDispose]();
  }

  private addressesOf(node: NodeId): Map<NodeId, string> {
    const addresses = this.addresses.get(node);
    if (addresses === undefined) throw new Error(`there is no server ${node}`);
    return addresses;
  }
}

const wireOf = (dialler: NodeId, listener: NodeId): string => `${dialler} ${listener}`;

function bytesSentBy(transport: SocketIoTransport): number {
  const counters = [...transport.counters().values(), ...transport.bulkCounters().values()];
  return counters.reduce((sum, { sentBytes }) => sum + sentBytes, 0);
}
