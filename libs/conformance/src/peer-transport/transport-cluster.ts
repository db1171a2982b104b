import type { NodeId } from '@latchkey/raft';
import type { PeerAddress, PeerMessage, PeerTransport, PeerTransportHandlers } from '@latchkey/replica';
import { eventually } from './eventually.js';

/** The transports of one cluster, in one process or not. */
export interface TransportCluster {
  /**
   * A transport for `node`, not yet started, that is configured with the addresses of the nodes `configured`. Called again
   * for the same node after its transport was closed.
   */
  create(node: NodeId, configured: readonly NodeId[]): Promise<PeerTransport>;
  /** Where others reach `node`, for `setPeers`. */
  addressOf(node: NodeId): string;
  /** Removes what `create` needed. All transports are closed already. */
  dispose(): Promise<void>;
}

/** Prepares a cluster that consists of some or all of these nodes; each call gives another cluster. */
export type TransportClusterFactory = (nodes: readonly NodeId[]) => Promise<TransportCluster>;

/** The smallest kind of message that carries a number, by which the stories tell their messages apart. */
export type Marker = Extract<PeerMessage, { readonly type: 'leaderRequestRefused' }>;

const isMarker = (message: PeerMessage): message is Marker => message.type === 'leaderRequestRefused';

type Received = { readonly from: NodeId; readonly message: PeerMessage };

/** One started transport and everything it told its handlers. */
export class ListeningNode implements PeerTransportHandlers {
  readonly received: Received[] = [];
  readonly ups: NodeId[] = [];
  readonly downs: NodeId[] = [];
  private readonly changes: { readonly peer: NodeId; readonly kind: 'up' | 'down' }[] = [];
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
    this.changes.push({ peer, kind: 'up' });
    this.connected.add(peer);
  }

  onPeerDown(peer: NodeId): void {
    this.downs.push(peer);
    this.changes.push({ peer, kind: 'down' });
    this.connected.delete(peer);
  }

  isConnectedTo(peers: readonly NodeId[]): boolean {
    return peers.every((peer) => peer === this.id || this.connected.has(peer));
  }

  messagesFrom(sender: NodeId): PeerMessage[] {
    return this.received.filter(({ from }) => from === sender).map(({ message }) => message);
  }

  has(marker: Marker): boolean {
    return this.received.some(({ message }) => isMarker(message) && message.requestId === marker.requestId);
  }

  bulkFrom(sender: NodeId): PeerMessage[] {
    return this.messagesFrom(sender).filter(({ type }) => type === 'snapshotChunk' || type === 'snapshotProgress');
  }

  /** What this node was told of `peer`, in order. */
  told(peer: NodeId): readonly ('up' | 'down')[] {
    return this.changes.filter((change) => change.peer === peer).map(({ kind }) => kind);
  }
}

export type StartOptions = {
  /** By default the members that the cluster began with. */
  readonly configured?: readonly NodeId[];
  /** Given to `setPeers` before the start. */
  readonly peers?: readonly PeerAddress[];
};

/** Started transports of one cluster. */
export class RunningCluster {
  private readonly nodes = new Map<NodeId, ListeningNode>();

  constructor(
    private readonly cluster: TransportCluster,
    private readonly ids: readonly NodeId[],
  ) {}

  running(): readonly NodeId[] {
    return [...this.nodes.keys()];
  }

  node(id: NodeId): ListeningNode {
    const node = this.nodes.get(id);
    if (node === undefined) throw new Error(`${id} is not running`);
    return node;
  }

  async start(id: NodeId, { configured = this.ids, peers }: StartOptions = {}): Promise<ListeningNode> {
    const node = new ListeningNode(id, await this.cluster.create(id, configured));
    this.nodes.set(id, node);
    if (peers !== undefined) node.transport.setPeers(peers);
    await node.transport.start(node);
    return node;
  }

  /** As a membership names a node that was added at run time. */
  addressed(id: NodeId): PeerAddress {
    return { id, address: this.cluster.addressOf(id) };
  }

  async close(id: NodeId): Promise<void> {
    const node = this.node(id);
    this.nodes.delete(id);
    await node.transport.close();
  }

  /** All running nodes, or just these, have told that they are connected with each other. */
  async connected(ids: readonly NodeId[] = this.running()): Promise<void> {
    await eventually(
      () => ids.every((id) => this.node(id).isConnectedTo(ids)),
      `${ids.join(', ')} are all connected with each other`,
    );
  }

  async disposeAll(): Promise<void> {
    for (const id of this.nodes.keys()) await this.close(id);
    await this.cluster.dispose();
  }
}

/** Runs one story on a cluster of its own, with `members` started and fully connected, and cleans up. */
export async function onNewCluster(
  factory: TransportClusterFactory,
  members: readonly NodeId[],
  story: (cluster: RunningCluster) => Promise<void>,
  laterMembers: readonly NodeId[] = [],
): Promise<void> {
  const cluster = new RunningCluster(await factory([...members, ...laterMembers]), members);
  try {
    for (const id of members) await cluster.start(id);
    await cluster.connected();
    await story(cluster);
  } finally {
    await cluster.disposeAll();
  }
}
