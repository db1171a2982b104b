import { Socket } from 'node:net';
import type { NodeId } from '@latchkey/raft';
import type { Clock, PeerMessage, PeerTransport, PeerTransportHandlers } from '@latchkey/replica';
import { defaultPeerTransportLimits } from '@latchkey/transport-socketio';
import { channelLimits } from '../../libs/transport-socketio/src/peer-channel.js';
import { PeerConnection, type PeerWire } from '../../libs/transport-socketio/src/peer-connection.js';
import { noPeerCounters } from '../../libs/transport-socketio/src/peer-transport-observer.js';

const limits = channelLimits('main', defaultPeerTransportLimits);

/**
 * The peer transport without its sockets: messages gather, are encoded, framed and decoded by the real `PeerConnection`,
 * and a frame comes to the other side in a later turn.
 */
export class WiredTransports {
  private readonly started: WiredTransport[] = [];

  constructor(private readonly clock: Pick<Clock, 'defer'>) {}

  transport(node: NodeId): PeerTransport {
    return new WiredTransport(node, (transport) => this.connectAll(transport));
  }

  private connectAll(transport: WiredTransport): void {
    for (const other of this.started) this.connect(transport, other);
    this.started.push(transport);
  }

  private connect(one: WiredTransport, two: WiredTransport): void {
    const toOne: PeerConnection = two.connectionTo(
      one,
      this.wire((frame) => toTwo.receive(frame)),
    );
    const toTwo: PeerConnection = one.connectionTo(
      two,
      this.wire((frame) => toOne.receive(frame)),
    );
  }

  private wire(deliver: (frame: Buffer) => void): PeerWire {
    return {
      // Never connected: it always says that it can take more.
      tcp: new Socket(),
      emitFrame: (frame) => this.clock.defer(() => deliver(frame)),
      waitingPacketCount: () => 0,
      onDrain: () => undefined,
      emitBulkWanted: () => undefined,
      onBulkWanted: () => undefined,
    };
  }
}

class WiredTransport implements PeerTransport {
  private readonly connections = new Map<NodeId, PeerConnection>();
  private handlers: PeerTransportHandlers | null = null;

  constructor(
    readonly node: NodeId,
    private readonly onStarted: (transport: WiredTransport) => void,
  ) {}

  async start(handlers: PeerTransportHandlers): Promise<void> {
    this.handlers = handlers;
    this.onStarted(this);
  }

  connectionTo(peer: WiredTransport, wire: PeerWire): PeerConnection {
    const connection = new PeerConnection({
      peer: peer.node,
      channel: 'main',
      wire,
      limits,
      counters: noPeerCounters(),
      onMessage: (from, message) => this.handlers?.onMessage(from, message),
      onClosed: () => {
        throw new Error(`the connection of ${this.node} to ${peer.node} has closed`);
      },
      warn: (message) => {
        throw new Error(message);
      },
    });
    this.connections.set(peer.node, connection);
    this.handlers?.onPeerUp(peer.node);
    return connection;
  }

  send(to: NodeId, message: PeerMessage): void {
    this.connections.get(to)?.send(message);
  }

  setPeers(): void {}

  async close(): Promise<void> {}
}
