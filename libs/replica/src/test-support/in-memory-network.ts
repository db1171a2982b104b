import type { NodeId } from '@latchkey/raft';
import type { Clock } from '../ports/clock.js';
import type { PeerAddress, PeerMessage, PeerTransport, PeerTransportHandlers } from '../ports/peer-transport.js';

/** What becomes of a message. */
export type Fate = 'deliver' | 'drop' | 'duplicate';

/**
 * The wires between the nodes of one cluster, in one process. Messages are copied, so nothing is shared by accident. Two
 * nodes are connected while each counts the other among its peers and the wire between them is not cut.
 */
export class InMemoryNetwork {
  /** Decides about each message that has a way to go; by default all are delivered. */
  fateOf: (from: NodeId, to: NodeId, message: PeerMessage) => Fate = () => 'deliver';
  private readonly endpoints = new Map<NodeId, Endpoint>();
  /** Pairs that are cut, by `pairOf`. */
  private readonly cut = new Set<string>();

  constructor(
    readonly clock: Pick<Clock, 'setTimer'>,
    readonly latencyMs: number,
  ) {}

  /** @param configured its peers until it is told others; without it, every node that there is */
  transport(node: NodeId, configured: readonly NodeId[] | null = null): PeerTransport {
    return new Endpoint(this, node, configured === null ? null : new Set(configured));
  }

  /** Cuts `node` off. Both sides are told at once, as when a connection is reset. */
  isolate(node: NodeId): void {
    for (const other of this.endpoints.keys()) this.setCut(node, other, true);
  }

  heal(node: NodeId): void {
    for (const other of this.endpoints.keys()) this.setCut(node, other, false);
  }

  join(endpoint: Endpoint): void {
    this.endpoints.set(endpoint.node, endpoint);
    this.connectSoon(endpoint);
  }

  /** The peers of `endpoint` are others now: it leaves those that are none, and connects to those that are new. */
  peersChanged(endpoint: Endpoint): void {
    if (this.endpoints.get(endpoint.node) !== endpoint) return;
    for (const peer of [...endpoint.peers]) {
      if (!endpoint.accepts(peer)) this.tellBoth(endpoint, peer, false);
    }
    this.connectSoon(endpoint);
  }

  leave(endpoint: Endpoint): void {
    if (this.endpoints.get(endpoint.node) !== endpoint) return;
    this.endpoints.delete(endpoint.node);
    for (const other of this.endpoints.values()) this.tellBoth(endpoint, other, false);
  }

  carry(from: Endpoint, to: NodeId, message: PeerMessage): void {
    const receiver = this.endpoints.get(to);
    if (receiver === undefined || !from.peers.has(receiver)) return;
    const fate = this.fateOf(from.node, to, message);
    if (fate === 'drop') return;
    this.deliverLater(from, receiver, deepCopyOf(message));
    if (fate === 'duplicate') this.deliverLater(from, receiver, deepCopyOf(message));
  }

  private connectSoon(endpoint: Endpoint): void {
    for (const other of this.endpoints.values()) {
      if (endpoint.peers.has(other) || !this.mayConnect(endpoint, other)) continue;
      this.clock.setTimer(this.latencyMs, () => this.tellBoth(endpoint, other, true));
    }
  }

  private mayConnect(one: Endpoint, two: Endpoint): boolean {
    const bothLive = this.endpoints.get(one.node) === one && this.endpoints.get(two.node) === two;
    return bothLive && !this.cut.has(pairOf(one.node, two.node)) && one.accepts(two) && two.accepts(one);
  }

  private deliverLater(from: Endpoint, receiver: Endpoint, message: PeerMessage): void {
    this.clock.setTimer(this.latencyMs, () => {
      if (receiver.peers.has(from)) receiver.handlers?.onMessage(from.node, message);
    });
  }

  private setCut(node: NodeId, other: NodeId, isCut: boolean): void {
    if (node === other || this.cut.has(pairOf(node, other)) === isCut) return;
    if (isCut) this.cut.add(pairOf(node, other));
    else this.cut.delete(pairOf(node, other));
    const [one, two] = [this.endpoints.get(node), this.endpoints.get(other)];
    if (one !== undefined && two !== undefined) this.tellBoth(one, two, !isCut);
  }

  private tellBoth(one: Endpoint, two: Endpoint, isUp: boolean): void {
    if (isUp && !this.mayConnect(one, two)) return;
    one.tell(two, isUp);
    two.tell(one, isUp);
  }
}

class Endpoint implements PeerTransport {
  handlers: PeerTransportHandlers | null = null;
  /** The other ends of open connections. */
  readonly peers = new Set<Endpoint>();

  constructor(
    private readonly network: InMemoryNetwork,
    readonly node: NodeId,
    /** Null: every other node. */
    private wanted: ReadonlySet<NodeId> | null,
  ) {}

  accepts(other: Endpoint): boolean {
    return other !== this && (this.wanted === null || this.wanted.has(other.node));
  }

  async start(handlers: PeerTransportHandlers): Promise<void> {
    this.handlers = handlers;
    this.network.join(this);
  }

  send(to: NodeId, message: PeerMessage): void {
    this.network.carry(this, to, message);
  }

  setPeers(peers: readonly PeerAddress[]): void {
    this.wanted = new Set(peers.map(({ id }) => id));
    this.network.peersChanged(this);
  }

  async close(): Promise<void> {
    this.handlers = null;
    this.network.leave(this);
  }

  tell(peer: Endpoint, isUp: boolean): void {
    if (isUp === this.peers.has(peer)) return;
    if (isUp) this.peers.add(peer);
    else this.peers.delete(peer);
    if (isUp) this.handlers?.onPeerUp(peer.node);
    else this.handlers?.onPeerDown(peer.node);
  }
}

function pairOf(one: NodeId, two: NodeId): string {
  return one < two ? `${one} ${two}` : `${two} ${one}`;
}

/** Unlike `structuredClone`, copies of a byte array only the part that is seen, not the whole buffer under it. */
function deepCopyOf<Value>(value: Value): Value {
  return copyOf(value) as Value; // the copy has the shape of what was copied
}

function copyOf(value: unknown): unknown {
  if (value instanceof Uint8Array) return value.slice();
  if (Array.isArray(value)) return value.map(copyOf);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, copyOf(part)]));
}
