import type { NodeId } from '@latchkey/raft';
import type { PeerMessage, PeerTransportHandlers } from '@latchkey/replica';
import { isBulkMessage } from './bulk-message-codec.js';
import type { BulkDialEvents } from './bulk-link.js';
import { BulkLink } from './bulk-link.js';
import { DialAttempt } from './dial-attempt.js';
import { peerOrigin } from './peer-address.js';
import type { PeerChannel } from './peer-channel.js';
import { channelLimits } from './peer-channel.js';
import type { PeerWire } from './peer-connection.js';
import { PeerConnection } from './peer-connection.js';
import { PeerDialler } from './peer-dialler.js';
import type { HandshakeIdentity } from './peer-handshake.js';
import type { PeerTransportLimits } from './peer-transport-limits.js';
import { noPeerCounters } from './peer-transport-observer.js';

export type PeerLinkOptions = {
  readonly peer: NodeId;
  readonly identity: HandshakeIdentity;
  /** Where this node's own configuration says that the peer is. Asked at each attempt. */
  readonly configuredAddress: () => string | undefined;
  readonly limits: PeerTransportLimits;
  readonly handlers: PeerTransportHandlers;
  readonly warn: (key: string, message: string, details: Readonly<Record<string, unknown>>) => void;
};

/**
 * Everything between this node and one peer, for as long as that is a peer: the main connection, its bulk connection, and
 * the dialler where it is this node's turn to dial.
 */
export class PeerLink {
  readonly counters = noPeerCounters();
  readonly bulkCounters = noPeerCounters();
  readonly #options: PeerLinkOptions;
  #givenAddress: string | null;
  #connection: PeerConnection | null = null;
  #bulk: BulkLink | null = null;
  #dialler: PeerDialler | null = null;
  #isStarted = false;

  constructor(options: PeerLinkOptions, givenAddress: string | null) {
    this.#options = options;
    this.#givenAddress = givenAddress;
  }

  get peer(): NodeId {
    return this.#options.peer;
  }

  get isConnected(): boolean {
    return this.#connection !== null;
  }

  /** One connection serves both directions: the greater node id dials. */
  get dialsThisNode(): boolean {
    return this.peer > this.#options.identity.nodeId;
  }

  start(): void {
    this.#isStarted = true;
    if (this.dialsThisNode) return;
    const { peer, identity, limits, warn } = this.#options;
    const onConnected = (wire: PeerWire) => this.#attachMain(wire);
    this.#dialler = new PeerDialler({ peer, origin: () => this.#origin(), identity, limits, onConnected, warn });
    this.#dialler.start();
  }

  /**
   * Null: the configured one.
   * @returns whether the peer is to be dialled anew, by `close` and `start`: it is elsewhere, and this node dials
   */
  setAddress(address: string | null): boolean {
    if (address === this.#givenAddress) return false;
    const origin = this.#origin();
    this.#givenAddress = address;
    return this.#dialler !== null && origin !== this.#origin();
  }

  send(message: PeerMessage): void {
    if (isBulkMessage(message)) {
      if (this.#bulk !== null) this.#bulk.send(message);
      else this.bulkCounters.droppedNotConnected += 1;
      return;
    }
    if (this.#connection !== null) this.#connection.send(message);
    else this.counters.droppedNotConnected += 1;
  }

  /** A connection that the peer has dialled and that is proven; null when it comes too late and must go. */
  attach(channel: PeerChannel, wire: PeerWire): PeerConnection | null {
    if (!this.#isStarted) return null;
    if (channel === 'main') return this.#attachMain(wire);
    return this.#bulk?.attach(wire) ?? null;
  }

  /** Ends it for good or until the next `start`; what has been sent on the main connection may still leave. */
  async close(): Promise<void> {
    this.#isStarted = false;
    this.#dialler?.stop();
    this.#dialler = null;
    await this.#connection?.close();
  }

  #origin(): string | null {
    if (this.#givenAddress !== null) return peerOrigin(this.#givenAddress, 'given');
    const configured = this.#options.configuredAddress();
    return configured === undefined ? null : peerOrigin(configured, 'configured');
  }

  #attachMain(wire: PeerWire): PeerConnection {
    const { peer, limits, handlers, warn } = this.#options;
    this.#connection?.destroy();
    const connection = new PeerConnection({
      peer,
      channel: 'main',
      wire,
      limits: channelLimits('main', limits),
      counters: this.counters,
      onMessage: (from, message) => handlers.onMessage(from, message),
      onClosed: (closed) => this.#detachMain(closed),
      warn: (message, details) => warn(`connection ${peer}`, message, details),
    });
    this.#connection = connection;
    this.#bulk = this.#createBulkLink(wire);
    handlers.onPeerUp(peer);
    return connection;
  }

  #detachMain(connection: PeerConnection): void {
    if (this.#connection !== connection) return;
    this.#connection = null;
    this.#bulk?.destroy();
    this.#bulk = null;
    this.#options.handlers.onPeerDown(this.peer);
  }

  #createBulkLink(mainWire: PeerWire): BulkLink {
    const { peer, limits, handlers, warn } = this.#options;
    const bulk = new BulkLink({
      peer,
      limits,
      counters: this.bulkCounters,
      dial: this.dialsThisNode ? null : (events) => this.#dialBulk(events),
      askPeer: () => mainWire.emitBulkWanted(),
      onMessage: (from, message) => handlers.onMessage(from, message),
      warn,
    });
    if (!this.dialsThisNode) mainWire.onBulkWanted(() => bulk.open());
    return bulk;
  }

  #dialBulk(events: BulkDialEvents): DialAttempt | null {
    const origin = this.#origin();
    if (origin === null) return null;
    const { peer, identity, limits, warn } = this.#options;
    return new DialAttempt({ peer, channel: 'bulk', origin, identity, limits, warn, ...events });
  }
}
