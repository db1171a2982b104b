/**
 * `PeerTransport` over Socket.IO 4, websocket only.
 *
 * One connection per pair of nodes, dialled by the greater node id, carries both directions. So both ends lose the same
 * connection at the same moment: when a process dies its kernel closes the socket, and the other side reports `onPeerDown`
 * within a millisecond or so. A peer is up from the end of the mutual handshake (`peer-handshake.ts`) to the end of that
 * connection; a newer proven connection from the same peer replaces the older one, with a down and an up between them.
 */
import type { NodeId } from '@latchkey/raft';
import { invariant } from '@latchkey/raft';
import type { PeerMessage, PeerTransport, PeerTransportHandlers } from '@latchkey/replica';
import type { PeerWire } from './peer-connection.js';
import { PeerConnection } from './peer-connection.js';
import { PeerDialler } from './peer-dialler.js';
import type { HandshakeIdentity } from './peer-handshake.js';
import { minSecretBytes } from './peer-handshake.js';
import { PeerListener } from './peer-listener.js';
import type { PeerTransportLimits } from './peer-transport-limits.js';
import { peerTransportLimits } from './peer-transport-limits.js';
import type { MutablePeerCounters, PeerCounters, PeerTransportObserver } from './peer-transport-observer.js';
import { noPeerCounters } from './peer-transport-observer.js';
import { WarningLimiter } from './warning-limiter.js';

export type SocketIoTransportOptions = {
  readonly nodeId: NodeId;
  /** Nodes of another cluster are refused. */
  readonly clusterId: string;
  /** Every member's `http://host:port`; the own one is ignored. An address is read at each attempt to dial. */
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
  /** Of every configured peer, connected or not. */
  counters(): ReadonlyMap<NodeId, PeerCounters>;
}

/** @throws InvariantViolation for a secret that is too short and for limits that contradict each other */
export function createSocketIoTransport(options: SocketIoTransportOptions): SocketIoTransport {
  return new ConnectedTransport(options);
}

class ConnectedTransport implements SocketIoTransport {
  readonly #options: SocketIoTransportOptions;
  readonly #limits: PeerTransportLimits;
  readonly #warnings: WarningLimiter;
  readonly #counters = new Map<NodeId, MutablePeerCounters>();
  readonly #connections = new Map<NodeId, PeerConnection>();
  readonly #diallers: readonly PeerDialler[];
  readonly #listener: PeerListener;
  #handlers: PeerTransportHandlers | null = null;
  #closed: Promise<void> | null = null;

  constructor(options: SocketIoTransportOptions) {
    invariant(Buffer.byteLength(options.secret) >= minSecretBytes, `peer secret has less than ${minSecretBytes} bytes`);
    this.#options = options;
    this.#limits = peerTransportLimits(options.limits ?? {});
    this.#warnings = new WarningLimiter(options.observer ?? {}, this.#limits.warningIntervalMs);
    const { nodeId, clusterId, secret, peers } = options;
    const shared = {
      identity: { nodeId, clusterId, secret } satisfies HandshakeIdentity,
      limits: this.#limits,
      onConnected: (peer: NodeId, wire: PeerWire) => this.#attach(peer, wire),
      warn: (key: string, message: string, details: Readonly<Record<string, unknown>>) =>
        this.#warnings.warn(key, message, details),
    };
    const others = [...peers.keys()].filter((peer) => peer !== nodeId);
    for (const peer of others) this.#counters.set(peer, noPeerCounters());
    this.#diallers = others
      .filter((peer) => nodeId > peer)
      .map((peer) => new PeerDialler({ ...shared, peer, url: () => peers.get(peer) }));
    this.#listener = new PeerListener({
      ...shared,
      host: options.listenHost,
      port: options.listenPort,
      diallers: (claimed) => this.#dialler(claimed),
    });
  }

  async start(handlers: PeerTransportHandlers): Promise<void> {
    invariant(this.#handlers === null && this.#closed === null, 'a transport is started once');
    this.#handlers = handlers;
    await this.#listener.start();
    if (this.#closed !== null) return;
    for (const dialler of this.#diallers) dialler.start();
  }

  send(to: NodeId, message: PeerMessage): void {
    const connection = this.#connections.get(to);
    if (connection !== undefined) {
      connection.send(message);
      return;
    }
    const counters = this.#counters.get(to);
    if (counters !== undefined) counters.droppedNotConnected += 1;
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  address(): { readonly host: string; readonly port: number } {
    return this.#listener.address();
  }

  connectedPeers(): readonly NodeId[] {
    return [...this.#connections.keys()];
  }

  counters(): ReadonlyMap<NodeId, PeerCounters> {
    return this.#counters;
  }

  async #close(): Promise<void> {
    this.#handlers = null;
    for (const dialler of this.#diallers) dialler.stop();
    await Promise.all([...this.#connections.values()].map((connection) => connection.close()));
    await this.#listener.close();
  }

  #dialler(claimed: string): NodeId | 'wrongDirection' | 'unknown' {
    for (const peer of this.#counters.keys()) {
      if (peer === claimed) return peer > this.#options.nodeId ? peer : 'wrongDirection';
    }
    return 'unknown';
  }

  #attach(peer: NodeId, wire: PeerWire): PeerConnection {
    const counters = this.#counters.get(peer);
    invariant(counters !== undefined, `${peer} is no configured peer`);
    this.#connections.get(peer)?.destroy();
    const connection = new PeerConnection({
      peer,
      wire,
      limits: this.#limits,
      counters,
      onMessage: (from, message) => this.#handlers?.onMessage(from, message),
      onClosed: (closed) => this.#detach(closed),
      warn: (message, details) => this.#warnings.warn(`connection ${peer}`, message, details),
    });
    if (this.#closed !== null) {
      connection.destroy();
      return connection;
    }
    this.#connections.set(peer, connection);
    this.#handlers?.onPeerUp(peer);
    return connection;
  }

  #detach(connection: PeerConnection): void {
    if (this.#connections.get(connection.peer) !== connection) return;
    this.#connections.delete(connection.peer);
    this.#handlers?.onPeerDown(connection.peer);
  }
}
