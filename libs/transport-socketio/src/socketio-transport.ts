/**
 * `PeerTransport` over Socket.IO 4, websocket only.
 *
 * One connection per pair of nodes, dialled by the greater node id, carries both directions. So both ends lose the same
 * connection at the same moment: when a process dies its kernel closes the socket, and the other side reports `onPeerDown`
 * within a millisecond or so. A peer is up from the end of the mutual handshake (`peer-handshake.ts`) to the end of that
 * connection; a newer proven connection from the same peer replaces the older one, with a down and an up between them.
 * Bulk messages go over a second connection, which comes and goes unnoticed (`bulk-link.ts`).
 */
import type { NodeId } from '@latchkey/raft';
import { invariant } from '@latchkey/raft';
import type { PeerAddress, PeerMessage, PeerTransport, PeerTransportHandlers } from '@latchkey/replica';
import type { HandshakeIdentity } from './peer-handshake.js';
import { minSecretBytes } from './peer-handshake.js';
import { PeerLink } from './peer-link.js';
import { PeerListener } from './peer-listener.js';
import type { PeerTransportLimits } from './peer-transport-limits.js';
import { peerTransportLimits } from './peer-transport-limits.js';
import type { PeerCounters, PeerTransportObserver } from './peer-transport-observer.js';
import { WarningLimiter } from './warning-limiter.js';

export type SocketIoTransportOptions = {
  readonly nodeId: NodeId;
  /** Nodes of another cluster are refused. */
  readonly clusterId: string;
  /**
   * Every member's `http://host:port`; the own one is ignored. An address is read at each attempt to dial. They are the peers
   * until `setPeers` names others, and this is where a peer without an address of its own is looked for.
   */
  readonly peers: ReadonlyMap<NodeId, string>;
  readonly listenHost: string;
  /** 0: any free one, see `address()`. */
  readonly listenPort: number;
  /** The same on every node, at least 16 bytes. Never sent. */
  readonly secret: string;
  readonly limits?: Partial<PeerTransportLimits>;
  readonly observer?: PeerTransportObserver;
};

export interface SocketIoTransport extends PeerTransport {
  /**
   * Begins to listen and to dial.
   * @throws PeerListenError when the port cannot be opened; its `code` is the system's, such as EADDRINUSE
   */
  start(handlers: PeerTransportHandlers): Promise<void>;
  /** Ends all connections and the listener, for good. No handler is called any more once this is called. Idempotent. */
  close(): Promise<void>;
  /** Where it listens. Only between `start` and `close`. */
  address(): { readonly host: string; readonly port: number };
  connectedPeers(): readonly NodeId[];
  /** Of every present peer, connected or not; without bulk messages. */
  counters(): ReadonlyMap<NodeId, PeerCounters>;
  /** Of every present peer: bulk messages alone. */
  bulkCounters(): ReadonlyMap<NodeId, PeerCounters>;
}

/** @throws InvariantViolation for a secret that is too short and for limits that contradict each other */
export function createSocketIoTransport(options: SocketIoTransportOptions): SocketIoTransport {
  return new ConnectedTransport(options);
}

class ConnectedTransport implements SocketIoTransport {
  readonly #options: SocketIoTransportOptions;
  readonly #identity: HandshakeIdentity;
  readonly #limits: PeerTransportLimits;
  readonly #warnings: WarningLimiter;
  readonly #links = new Map<NodeId, PeerLink>();
  /** Connections that are being closed. */
  readonly #leaving = new Set<Promise<void>>();
  readonly #listener: PeerListener;
  #handlers: PeerTransportHandlers | null = null;
  #isListening = false;
  #closed: Promise<void> | null = null;

  constructor(options: SocketIoTransportOptions) {
    invariant(Buffer.byteLength(options.secret) >= minSecretBytes, `peer secret has less than ${minSecretBytes} bytes`);
    this.#options = options;
    this.#limits = peerTransportLimits(options.limits ?? {});
    this.#warnings = new WarningLimiter(options.observer ?? {}, this.#limits.warningIntervalMs);
    const { nodeId, clusterId, secret } = options;
    this.#identity = { nodeId, clusterId, secret };
    this.setPeers([...options.peers.keys()].map((id) => ({ id, address: null })));
    this.#listener = new PeerListener({
      identity: this.#identity,
      limits: this.#limits,
      host: options.listenHost,
      port: options.listenPort,
      diallers: (claimed) => this.#dialler(claimed),
      onConnected: (peer, channel, wire) => this.#links.get(peer)?.attach(channel, wire) ?? null,
      warn: this.#warn,
    });
  }

  async start(handlers: PeerTransportHandlers): Promise<void> {
    invariant(this.#handlers === null && this.#closed === null, 'a transport is started once');
    this.#handlers = handlers;
    await this.#listener.start();
    if (this.#closed !== null) return;
    this.#isListening = true;
    for (const link of this.#links.values()) link.start();
  }

  send(to: NodeId, message: PeerMessage): void {
    this.#links.get(to)?.send(message);
  }

  setPeers(peers: readonly PeerAddress[]): void {
    if (this.#closed !== null) return;
    const wanted = new Map(peers.map(({ id, address }) => [id, address]));
    wanted.delete(this.#options.nodeId);
    for (const [id, link] of this.#links) {
      if (wanted.has(id)) continue;
      // Out of the set first, so that it cannot come back while its handlers are told.
      this.#links.delete(id);
      this.#leave(link);
    }
    for (const [id, address] of wanted) {
      const known = this.#links.get(id);
      if (known === undefined) {
        this.#add(id, address);
      } else if (known.setAddress(address)) {
        this.#leave(known);
        known.start();
      }
    }
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  address(): { readonly host: string; readonly port: number } {
    return this.#listener.address();
  }

  connectedPeers(): readonly NodeId[] {
    return [...this.#links.values()].filter((link) => link.isConnected).map((link) => link.peer);
  }

  counters(): ReadonlyMap<NodeId, PeerCounters> {
    return new Map([...this.#links].map(([id, link]) => [id, link.counters]));
  }

  bulkCounters(): ReadonlyMap<NodeId, PeerCounters> {
    return new Map([...this.#links].map(([id, link]) => [id, link.bulkCounters]));
  }

  async #close(): Promise<void> {
    this.#handlers = null;
    for (const link of this.#links.values()) this.#leave(link);
    await Promise.all(this.#leaving);
    await this.#listener.close();
  }

  #leave(link: PeerLink): void {
    const left = link.close().finally(() => this.#leaving.delete(left));
    this.#leaving.add(left);
  }

  #add(peer: NodeId, address: string | null): void {
    const link = new PeerLink(
      {
        peer,
        identity: this.#identity,
        configuredAddress: () => this.#options.peers.get(peer),
        limits: this.#limits,
        handlers: {
          onMessage: (from, message) => this.#handlers?.onMessage(from, message),
          onPeerUp: (up) => this.#handlers?.onPeerUp(up),
          onPeerDown: (down) => this.#handlers?.onPeerDown(down),
        },
        warn: this.#warn,
      },
      address,
    );
    this.#links.set(peer, link);
    if (this.#isListening) link.start();
  }

  #dialler(claimed: string): NodeId | 'wrongDirection' | 'unknown' {
    for (const link of this.#links.values()) {
      if (link.peer === claimed) return link.dialsThisNode ? link.peer : 'wrongDirection';
    }
    return 'unknown';
  }

  readonly #warn = (key: string, message: string, details: Readonly<Record<string, unknown>>): void =>
    this.#warnings.warn(key, message, details);
}
