import type { NodeId } from '@latchkey/raft';
import { invariant } from '@latchkey/raft';
import type { Server as HttpServer } from 'node:http';
import { createServer } from 'node:http';
import type { Socket as TcpSocket } from 'node:net';
import type { Socket } from 'socket.io';
import { Server } from 'socket.io';
import type { PeerChannel } from './peer-channel.js';
import { maxFrameHeadBytes } from './peer-codec.js';
import type { PeerConnection, PeerWire } from './peer-connection.js';
import type { HandshakeIdentity, HelloVerdict } from './peer-handshake.js';
import { checkHello, createChallenge, peerPath } from './peer-handshake.js';
import * as parser from './peer-packet-parser.js';
import type { PeerTransportLimits } from './peer-transport-limits.js';

/** The peer listener could not be opened. `code` is the system's, such as EADDRINUSE. */
export class PeerListenError extends Error {
  override readonly name = 'PeerListenError';
  constructor(
    readonly code: string,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

export type PeerListenerOptions = {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  readonly identity: HandshakeIdentity;
  readonly limits: PeerTransportLimits;
  readonly diallers: (nodeId: string) => NodeId | 'wrongDirection' | 'unknown';
  /** Null when the connection is not wanted any more. */
  readonly onConnected: (peer: NodeId, channel: PeerChannel, wire: PeerWire) => PeerConnection | null;
  readonly warn: (key: string, message: string, details: Readonly<Record<string, unknown>>) => void;
};

/** What `io.use` leaves for the connection. */
type Admission = Extract<HelloVerdict, { accepted: true }>;

/** The peers' own port: nothing but proven peers gets past its handshake. */
export class PeerListener {
  readonly #options: PeerListenerOptions;
  readonly #http: HttpServer;
  readonly #io: Server;
  readonly #tcpSockets = new Set<TcpSocket>();
  readonly #admissions = new WeakMap<Socket, Admission>();

  constructor(options: PeerListenerOptions) {
    this.#options = options;
    this.#http = createHardenedServer(options.limits);
    this.#http.on('connection', (tcp: TcpSocket) => this.#track(tcp));
    this.#io = createPeerIo(this.#http, options.limits);
    this.#io.use((socket, next) => this.#admit(socket, next));
    this.#io.on('connection', (socket) => this.#onConnection(socket));
    this.#io.engine.on('connection_error', (error: { readonly message: string }) =>
      options.warn('request', `request refused by the peer listener: ${error.message}`, {}),
    );
  }

  /** @throws PeerListenError */
  async start(): Promise<void> {
    const { host, port } = this.#options;
    await new Promise<void>((resolve, reject) => {
      const onError = (error: NodeJS.ErrnoException) => reject(listenError(error, host, port));
      this.#http.once('error', onError);
      this.#http.listen(port, host, () => {
        this.#http.off('error', onError);
        this.#http.on('error', (error) => this.#options.warn('listener', `peer listener: ${error.message}`, {}));
        resolve();
      });
    });
  }

  address(): { readonly host: string; readonly port: number } {
    const address = this.#http.address();
    invariant(address !== null && typeof address === 'object', 'the peer listener is not open');
    return { host: address.address, port: address.port };
  }

  /** Stops listening and ends every socket that is still there. */
  async close(): Promise<void> {
    const closed = this.#io.close();
    for (const tcp of this.#tcpSockets) tcp.destroy();
    await closed;
  }

  #track(tcp: TcpSocket): void {
    this.#tcpSockets.add(tcp);
    // Between the upgrade and `ws` taking over nobody else listens, and an error event without a listener ends the process.
    tcp.on('error', () => {});
    tcp.once('close', () => this.#tcpSockets.delete(tcp));
  }

  #admit(socket: Socket, next: (error?: Error) => void): void {
    const { identity, diallers, warn } = this.#options;
    const verdict = checkHello(socket.handshake.auth, identity, diallers, idOf(socket));
    if (verdict.accepted) {
      this.#admissions.set(socket, verdict);
      next();
      return;
    }
    const { reason, description, answer } = verdict.refusal;
    const address = socket.request.socket.remoteAddress ?? 'unknown';
    warn(`refused ${reason}`, `peer connection from ${address} refused: ${description}`, { address, reason });
    next(Object.assign(new Error('refused'), { data: answer }));
    // After the answer has been written. Without this a stranger could stay until the handshake timeout.
    setImmediate(() => socket.conn.close());
  }

  #onConnection(socket: Socket): void {
    const admission = this.#admissions.get(socket);
    invariant(admission !== undefined, 'a peer connected without admission');
    const { from, channel } = admission;
    socket.emit(parser.welcomeEvent, admission.welcome);
    const wire = wireOf(socket);
    const connection = this.#options.onConnected(from, channel, wire);
    if (connection === null) {
      wire.tcp.destroy();
      return;
    }
    socket.on(parser.frameEvent, (frame: Buffer) => connection.receive(frame));
    socket.on('error', (error) => this.#warnBroken(from, error));
    socket.on('disconnect', (reason, description: unknown) => {
      if (reason === 'transport error' || reason === 'parse error') this.#warnBroken(from, description);
      connection.destroy();
    });
  }

  #warnBroken(peer: NodeId, cause: unknown): void {
    this.#options.warn(`broken ${peer}`, `connection from peer ${peer} broke`, { peer, cause: String(cause) });
  }
}

/** Answers nothing but 404 itself; slow and surplus connections end early (SECURITY S11, S12). */
function createHardenedServer(limits: PeerTransportLimits): HttpServer {
  const server = createServer(
    {
      headersTimeout: limits.handshakeTimeoutMs,
      requestTimeout: limits.handshakeTimeoutMs,
      connectionsCheckingInterval: limits.handshakeTimeoutMs,
      keepAliveTimeout: 1,
    },
    (_request, response) => {
      response.writeHead(404, { connection: 'close' }).end();
    },
  );
  server.maxConnections = limits.maxConnections;
  return server;
}

function createPeerIo(http: HttpServer, limits: PeerTransportLimits): Server {
  const server = new Server(http, {
    path: peerPath,
    parser,
    transports: ['websocket'],
    allowUpgrades: false,
    serveClient: false,
    perMessageDeflate: false,
    httpCompression: false,
    destroyUpgradeTimeout: 1,
    maxHttpBufferSize: Math.max(limits.maxMessageBytes, limits.maxBulkMessageBytes) + maxFrameHeadBytes,
    connectTimeout: limits.handshakeTimeoutMs,
    pingInterval: limits.pingIntervalMs,
    pingTimeout: limits.pingTimeoutMs,
  });
  server.engine.generateId = createChallenge;
  server.engine.use(
    (request: { url?: string; headers: { origin?: string } }, _response: unknown, next: (error?: Error) => void) => {
      // Engine.IO would let whoever knows a session id take over the session, and browsers have no business here.
      const isTakeover = new URL(request.url ?? '', 'http://peer').searchParams.has('sid');
      next(isTakeover || request.headers.origin !== undefined ? new Error('refused') : undefined);
    },
  );
  // A closing websocket would wait half a minute for the other side's consent.
  server.engine.on('connection', (engineSocket: Socket['conn']) => {
    engineSocket.on('close', () => engineSocket.request.socket.destroySoon());
  });
  return server;
}

/** The Engine.IO session id, which the other side knows too. Socket.IO's own `socket.id` is another one. */
function idOf(socket: Socket): string {
  // Private only in Engine.IO's types: the client reads the same value as `socket.io.engine.id`.
  return (socket.conn as unknown as { readonly id: string }).id;
}

function wireOf(socket: Socket): PeerWire {
  const { conn } = socket;
  // Private only in Engine.IO's types; what waits there must count, and no public method tells it.
  const engine = conn as unknown as { readonly writeBuffer: readonly unknown[] };
  return {
    tcp: socket.request.socket,
    emitFrame: (frame) => socket.emit(parser.frameEvent, frame),
    waitingPacketCount: () => engine.writeBuffer.length,
    onDrain: (listener) => conn.on('drain', listener),
    emitBulkWanted: () => socket.emit(parser.bulkWantedEvent),
    onBulkWanted: (listener) => socket.on(parser.bulkWantedEvent, listener),
  };
}

function listenError(error: NodeJS.ErrnoException, host: string, port: number): PeerListenError {
  const code = error.code ?? 'UNKNOWN';
  const why = code === 'EADDRINUSE' ? 'the port is in use' : error.message;
  return new PeerListenError(code, `cannot listen for peers on ${host}:${port}: ${why}`, { cause: error });
}
