import type { NodeId } from '@latchkey/raft';
import { invariant } from '@latchkey/raft';
import type { ManagerOptions, Socket, SocketOptions } from 'socket.io-client';
import { io } from 'socket.io-client';
import type { PeerChannel } from './peer-channel.js';
import { channelLimits } from './peer-channel.js';
import type { PeerConnection, PeerWire } from './peer-connection.js';
import { maxFrameHeadBytes } from './peer-codec.js';
import type { HandshakeIdentity, PeerHello } from './peer-handshake.js';
import { createHello, isWelcome, peerPath } from './peer-handshake.js';
import * as parser from './peer-packet-parser.js';
import type { PeerTransportLimits } from './peer-transport-limits.js';
import { PeerWebSocket } from './peer-web-socket.js';

export type DialAttemptOptions = {
  readonly peer: NodeId;
  readonly channel: PeerChannel;
  /** Scheme, host and port, nothing else. */
  readonly origin: string;
  readonly identity: HandshakeIdentity;
  readonly limits: PeerTransportLimits;
  readonly onConnected: (wire: PeerWire) => PeerConnection;
  /** Once, unless the attempt was abandoned. */
  readonly onEnd: (end: DialEnd) => void;
  readonly warn: (key: string, message: string, details: Readonly<Record<string, unknown>>) => void;
};

export type DialEnd =
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'impostor' }
  | { readonly kind: 'unreachable'; readonly reason: string }
  | { readonly kind: 'lost'; readonly livedMs: number };

/**
 * One Socket.IO client from the first packet to the end of the connection. It is used once: what Socket.IO may have
 * buffered while offline goes with it (FAILURE-MODES 49).
 */
export class DialAttempt {
  readonly #options: DialAttemptOptions;
  readonly #socket: Socket;
  readonly #timer: NodeJS.Timeout;
  #hello: { readonly hello: PeerHello; readonly challenge: string } | null = null;
  #link: { readonly connection: PeerConnection; readonly sinceMs: number } | null = null;
  #isOver = false;

  constructor(options: DialAttemptOptions) {
    this.#options = options;
    this.#socket = io(
      options.origin,
      clientOptions(options, (send) => send(this.#createHello())),
    );
    this.#timer = setTimeout(
      () => this.#end({ kind: 'unreachable', reason: 'timeout' }),
      options.limits.handshakeTimeoutMs,
    );
    this.#socket.on(parser.welcomeEvent, (welcome: unknown) => this.#onWelcome(welcome));
    this.#socket.on(parser.frameEvent, (frame: Buffer) => this.#onFrame(frame));
    this.#socket.on('connect_error', (error) => this.#onConnectError(error));
    this.#socket.on('disconnect', (reason, description) => this.#onDisconnect(reason, description));
    this.#socket.connect();
  }

  /** The owner wants it no more and is told no end; a connection that is established is left to the owner. */
  abandon(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
    if (this.#link === null) this.#socket.disconnect();
  }

  #createHello(): PeerHello {
    const challenge = this.#socket.io.engine.id;
    const { identity, peer, channel } = this.#options;
    const hello = createHello(identity, { to: peer, channel }, challenge);
    this.#hello = { hello, challenge };
    return hello;
  }

  #onWelcome(welcome: unknown): void {
    if (this.#isOver || this.#link !== null) return;
    const { identity } = this.#options;
    if (this.#hello === null || !isWelcome(welcome, identity, this.#hello.hello, this.#hello.challenge)) {
      this.#end({ kind: 'impostor' });
      return;
    }
    clearTimeout(this.#timer);
    const connection = this.#options.onConnected(wireOf(this.#socket));
    this.#link = { connection, sinceMs: performance.now() };
  }

  #onFrame(frame: Buffer): void {
    if (this.#link === null) this.#end({ kind: 'impostor' });
    else this.#link.connection.receive(frame);
  }

  /** Socket.IO reports the acceptor's refusal (which has `data`) and a network that fails in the same event. */
  #onConnectError(error: Error & { readonly data?: unknown; readonly description?: unknown }): void {
    if (typeof error.data === 'string') this.#end({ kind: 'refused', reason: error.data.slice(0, 300) });
    else this.#end({ kind: 'unreachable', reason: networkReason(error) });
  }

  #onDisconnect(reason: string, description: unknown): void {
    const { peer } = this.#options;
    if (reason === 'parse error' || reason === 'transport error') {
      const cause = String(description);
      this.#options.warn(`broken ${peer}`, `connection to peer ${peer} broke: ${reason}`, { peer, cause });
    }
    if (this.#link === null) this.#end({ kind: 'unreachable', reason });
    else this.#end({ kind: 'lost', livedMs: performance.now() - this.#link.sinceMs });
  }

  #end(end: DialEnd): void {
    const wasOver = this.#isOver;
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#link?.connection.destroy();
    this.#socket.disconnect();
    tcpOf(this.#socket)?.destroy();
    if (!wasOver) this.#options.onEnd(end);
  }
}

function clientOptions(
  { channel, limits }: DialAttemptOptions,
  auth: (send: (hello: PeerHello) => void) => void,
): Partial<ManagerOptions & SocketOptions> {
  const { maxMessageBytes } = channelLimits(channel, limits);
  return {
    path: peerPath,
    parser,
    auth,
    transports: [PeerWebSocket],
    transportOptions: { websocket: { maxPayload: maxMessageBytes + maxFrameHeadBytes } },
    upgrade: false,
    autoConnect: false,
    forceNew: true,
    multiplex: false,
    reconnection: false,
    // Own timer: it covers the whole handshake, not only the websocket's.
    timeout: limits.handshakeTimeoutMs * 2,
    // Socket.IO's type knows only an object here; false is what `ws` takes for "never".
    perMessageDeflate: false as unknown as { threshold: number },
  };
}

function wireOf(socket: Socket): PeerWire {
  const tcp = tcpOf(socket);
  invariant(tcp !== null, 'a connected peer has no TCP socket');
  const { engine } = socket.io;
  return {
    tcp,
    emitFrame: (frame) => socket.emit(parser.frameEvent, frame),
    waitingPacketCount: () => engine.writeBuffer.length,
    onDrain: (listener) => engine.on('drain', listener),
    emitBulkWanted: () => socket.emit(parser.bulkWantedEvent),
    onBulkWanted: (listener) => socket.on(parser.bulkWantedEvent, listener),
  };
}

function tcpOf(socket: Socket): PeerWebSocket['tcp'] {
  const transport: unknown = socket.io.engine.transport;
  return transport instanceof PeerWebSocket ? transport.tcp : null;
}

function networkReason(error: Error & { readonly description?: unknown }): string {
  const { description } = error;
  const isExplained = typeof description === 'object' && description !== null && 'message' in description;
  return isExplained ? String(description.message) : error.message;
}
