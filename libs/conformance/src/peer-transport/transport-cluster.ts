import type { NodeId } from '@latchkey/raft';
import type { PeerMessage, PeerTransport, PeerTransportHandlers } from '@latchkey/replica';
import { eventually } from './eventually.js';

/** The transports of one cluster, in one process or not. */
export interface TransportCluster {
  /** A transport for `node`, not yet started. Called again for the same node after its transport was closed. */
  create(node: NodeId): Promise<PeerTransport>;
  /** Removes what `create` needed. All transports are closed already. */
  dispose(): Promise<void>;
}

/** Prepares a cluster of exactly these nodes; each call gives another cluster. */
export type TransportClusterFactory = (nodes: readonly NodeId[]) => Promise<TransportCluster>;

type Received = { readonly from: NodeId; readonly message: PeerMessage };

/** One started transport and everything it told its handlers. */
export class ListeningNode implements PeerTransportHandlers {
  readonly received: Received[] = [];
  readonly ups: NodeId[] = [];
  readonly downs: NodeId[] = [];
  private readonly connected = new Set<NodeId>();

  constructor(
    readonly id: NodeId,
    readonly transport: PeerTransport,
  ) {}

  onMessage(from: NodeId, message: PeerMessage): void {
    this.received.push({ from, message });
  }

  onPeerUp(peer: NodeId): void {
    this.ups.push(peer);
    this.connected.add(peer);
  }

  onPeerDown(peer: NodeId): void {
    this.downs.push(peer);
    this.connected.delete(peer);
  }

  isConnectedTo(peers: readonly NodeId[]): boolean {
    return peers.every((peer) => peer === this.id || this.connected.has(peer));
  }

  messagesFrom(sender: NodeId): PeerMessage[] {
    return this.received.filter(({ from }) => from === sender).map(({ message }) => message);
  }
}

/** A cluster whose transports are started. */
export class RunningCluster {
  private readonly nodes = new Map<NodeId, ListeningNode>();

  constructor(
    private readonly cluster: TransportCluster,
    private readonly ids: readonly NodeId[],
  ) {}

  node(id: NodeId): ListeningNode {
    const node = this.nodes.get(id);
    if (node === undefined) throw new Error(`${id} is not running`);
    return node;
  }

  async start(id: NodeId): Promise<ListeningNode> {
    const node = new ListeningNode(id, await this.cluster.create(id));
    this.nodes.set(id, node);
    await node.transport.start(node);
    return node;
  }

  async close(id: NodeId): Promise<void> {
    const node = this.node(id);
    this.nodes.delete(id);
    await node.transport.close();
  }

  /** All running nodes have told that all running nodes are connected. */
  async connected(): Promise<void> {
    const running = [...this.nodes.keys()];
    await eventually(
      () => [...this.nodes.values()].every((node) => node.isConnectedTo(running)),
      `${running.join(', ')} are all connected with each other`,
    );
  }

  async startAll(): Promise<void> {
    for (const id of this.ids) await this.start(id);
    await this.connected();
  }

  async disposeAll(): Promise<void> {
    for (const id of this.nodes.keys()) await this.close(id);
    await this.cluster.dispose();
  }
}

/** Runs one story on a started, fully connected cluster of its own, and cleans up. */
export async function onNewCluster(
  factory: TransportClusterFactory,
  ids: readonly NodeId[],
  story: (cluster: RunningCluster) => Promise<void>,
): Promise<void> {
  const cluster = new RunningCluster(await factory(ids), ids);
  try {
    await cluster.startAll();
    await story(cluster);
  } finally {
    await cluster.disposeAll();
  }
}
