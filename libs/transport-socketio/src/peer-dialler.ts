import type { NodeId } from '@latchkey/raft';
import { invariant } from '@latchkey/raft';
import type { Socket } from 'socket.io-client';
import { io } from 'socket.io-client';
import type { PeerConnection, PeerWire } from './peer-connection.js';
import { maxFrameHeadBytes } from './peer-codec.js';
import type { HandshakeIdentity, PeerHello } from './peer-handshake.js';
import { createHello, isWelcome, peerPath } from './peer-handshake.js';
import * as parser from './peer-packet-parser.js';
import type { PeerTransportLimits } from './peer-transport-limits.js';
import { PeerWebSocket } from './peer-web-socket.js';

export type PeerDiallerOptions = {
  readonly peer: NodeId;
  /** Asked at each attempt. */
  readonly url: () => string | undefined;
  readonly identity: HandshakeIdentity;
  readonly limits: PeerTransportLimits;
  readonly onConnected: (peer: NodeId, wire: PeerWire) => PeerConnection;
  readonly warn: (key: string, message: string, details: Readonly<Record<string, unknown>>) => void;
};

/** A link that lived this long was a good one: the next attempt begins with the shortest delay again. */
const goodLinkMs = 1_000;

/** Unreachable for as many attempts, the peer is worth a warning; at start the others are just not up yet. */
const quietAttempts = 10;

/**
 * Keeps one peer connected. Each attempt has a Socket.IO client of its own, thrown away when the connection ends: what
 * Socket.IO may have buffered while offline goes with it (FAILURE-MODES 49).
 */
export class PeerDialler {
  #attempt: DialAttempt | null = null;
  #timer: NodeJS.Timeout | null = null;
  #failureCount = 0;

  constructor(private readonly options: PeerDiallerOptions) {}

  start(): void {
    const url = this.options.url();
    if (url === undefined || !URL.canParse(url)) {
      this.#warn('url', `no valid address for peer ${this.options.peer}`, { url });
      this.#redialAfter(this.options.limits.redialDelayRefusedMs);
      return;
    }
    this.#attempt = new DialAttempt(this.options, new URL(url).origin, (end) => this.#onEnd(url, end));
  }

  /** Dials no more and gives up an attempt that is under way; an established connection is left to its owner. */
  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#attempt?.abandon();
  }

  #onEnd(url: string, end: DialEnd): void {
    const { peer, limits } = this.options;
    this.#attempt = null;
    switch (end.kind) {
      case 'refused':
        this.#warn('refused', `peer ${peer} at ${url} refused this node: ${end.reason}`, { url });
        this.#redialAfter(limits.redialDelayRefusedMs);
        return;
      case 'impostor':
        this.#warn('impostor', `peer ${peer} at ${url} could not prove that it holds the cluster's secret`, { url });
        this.#redialAfter(limits.redialDelayRefusedMs);
        return;
      case 'unreachable':
        this.#failureCount += 1;
        if (this.#failureCount >= quietAttempts) {
          this.#warn('unreachable', `peer ${peer} cannot be reached at ${url}: ${end.reason}`, { url });
        }
        break;
      case 'lost':
        this.#failureCount = end.livedMs >= goodLinkMs ? 0 : this.#failureCount + 1;
        break;
    }
    const delayMs = Math.min(limits.redialDelayMaxMs, limits.redialDelayMinMs * 2 ** Math.min(this.#failureCount, 10));
    this.#redialAfter(delayMs * (1 - Math.random() / 2));
  }

  #redialAfter(delayMs: number): void {
    this.#timer = setTimeout(() => this.start(), delayMs);
  }

  #warn(key: string, message: string, details: Readonly<Record<string, unknown>>): void {
    this.options.warn(`${key} ${this.options.peer}`, message, { peer: this.options.peer, ...details });
  }
}

type DialEnd =
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'impostor' }
  | { readonly kind: 'unreachable'; readonly reason: string }
  | { readonly kind: 'lost'; readonly livedMs: number };

/** One Socket.IO client from the first packet to the end of the connection. */
class DialAttempt {
  readonly #options: PeerDiallerOptions;
  readonly #socket: Socket;
  readonly #timer: NodeJS.Timeout;
  readonly #onEnd: (end: DialEnd) => void;
  #hello: { readonly hello: PeerHello; readonly challenge: string } | null = null;
  #link: { readonly connection: PeerConnection; readonly sinceMs: number } | null = null;
  #isOver = false;

  constructor(options: PeerDiallerOptions, url: string, onEnd: (end: DialEnd) => void) {
    this.#options = options;
    this.#onEnd = onEnd;
    this.#socket = io(
      url,
      clientOptions(options.limits, (send) => send(this.#createHello())),
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

  /** The owner stops. No end is reported. */
  abandon(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
    if (this.#link === null) this.#socket.disconnect();
  }

  #createHello(): PeerHello {
    const challenge = this.#socket.io.engine.id;
    const hello = createHello(this.#options.identity, this.#options.peer, challenge);
    this.#hello = { hello, challenge };
    return hello;
  }

  #onWelcome(welcome: unknown): void {
    if (this.#isOver || this.#link !== null) return;
    const { identity, peer } = this.#options;
    if (this.#hello === null || !isWelcome(welcome, identity, this.#hello.hello, this.#hello.challenge)) {
      this.#end({ kind: 'impostor' });
      return;
    }
    clearTimeout(this.#timer);
    const connection = this.#options.onConnected(peer, wireOf(this.#socket));
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
    if (!wasOver) this.#onEnd(end);
  }
}

function clientOptions(limits: PeerTransportLimits, auth: (send: (hello: PeerHello) => void) => void) {
  return {
    path: peerPath,
    parser,
    auth,
    transports: [PeerWebSocket],
    transportOptions: { websocket: { maxPayload: limits.maxMessageBytes + maxFrameHeadBytes } },
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
