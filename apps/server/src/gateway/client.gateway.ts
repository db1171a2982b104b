import { Inject } from '@nestjs/common';
import { WebSocketGateway, type OnGatewayConnection, type OnGatewayInit } from '@nestjs/websockets';
import type { Server, Socket } from 'socket.io';
import { CLIENT_SOCKET_PATH, errorBody, MAX_FRAME_BYTES, parseFrame, REQUESTS_EVENT } from '@latchkey/contracts';
import { ClusterNode } from '../cluster/cluster-node.js';
import { RequestExecutor } from '../commands/request-executor.js';
import { LOGGERS, type Loggers, type PartLogger } from '../logging/part-logger.js';
import { SETTINGS, type NodeSettings } from '../settings/settings.js';
import { WatchHub } from '../watch/watch-hub.js';
import { WatchOpener } from '../watch/watch-opener.js';
import { ClientConnection } from './client-connection.js';
import * as parser from './client-packet-parser.js';
import { decodeFrame, MalformedFrame } from './frame-decoder.js';
import { isForeignOrigin, refusalOfHandshake } from './handshake.js';
import { SocketLink } from './socket-link.js';

/** Between the upgrade and the handshake. */
const CONNECT_TIMEOUT_MS = 10_000;
const PING_INTERVAL_MS = 5_000;
const PING_TIMEOUT_MS = 5_000;
/** No request has this id: it stands for the frame, or for the connection as a whole. */
const NO_REQUEST_ID = 0;

/**
 * The client wire. Frames are taken from the socket itself, not by way of message decorators: those cost a pipeline of
 * observables for each message, and guards on them do not cover the connection (FAILURE-MODES 54).
 */
@WebSocketGateway({
  path: CLIENT_SOCKET_PATH,
  parser,
  transports: ['websocket'],
  allowUpgrades: false,
  serveClient: false,
  perMessageDeflate: false,
  httpCompression: false,
  maxHttpBufferSize: MAX_FRAME_BYTES,
  connectTimeout: CONNECT_TIMEOUT_MS,
  pingInterval: PING_INTERVAL_MS,
  pingTimeout: PING_TIMEOUT_MS,
  allowRequest: (request, decide) => decide(null, !isForeignOrigin(request)),
})
export class ClientGateway implements OnGatewayInit, OnGatewayConnection {
  private readonly connections = new Map<ClientConnection, SocketLink>();
  private readonly logger: PartLogger;
  private server: Server | null = null;

  constructor(
    @Inject(RequestExecutor) private readonly executor: RequestExecutor,
    @Inject(WatchOpener) private readonly watches: WatchOpener,
    @Inject(WatchHub) private readonly hub: WatchHub,
    @Inject(SETTINGS) private readonly settings: NodeSettings,
    @Inject(ClusterNode) private readonly node: ClusterNode,
    @Inject(LOGGERS) loggers: Loggers,
  ) {
    this.logger = loggers.part('gateway');
    node.onLeaderChanged((leaderId) => {
      for (const link of this.connections.values()) link.announce([settings.nodeId, leaderId]);
    });
  }

  get connectionCount(): number {
    return this.connections.size;
  }

  /** Sent to clients and not read by them yet. */
  get unsentBytes(): number {
    let sum = 0;
    for (const link of this.connections.values()) sum += link.unsentBytes;
    return sum;
  }

  afterInit(server: Server): void {
    this.server = server;
    server.use((socket, next) => {
      const refusal = refusalOfHandshake(socket.handshake.auth);
      if (refusal === null) return next();
      next(Object.assign(new Error(refusal.message), { data: refusal }));
    });
    server.engine.on('connection_error', (error: { message: string }) =>
      this.logger.debug('a connection was refused', { reason: error.message }),
    );
  }

  handleConnection(socket: Socket): void {
    const link = new SocketLink(socket, () => this.hub.writable());
    const connection = new ClientConnection(
      { executor: this.executor, watches: this.watches, limits: this.settings },
      link,
    );
    this.connections.set(connection, link);
    link.announce([this.settings.nodeId, this.node.leaderId]);
    socket.on(REQUESTS_EVENT, (frame: unknown) => this.receive(socket, connection, link, frame));
    socket.on('disconnect', () => {
      this.connections.delete(connection);
      connection.close();
    });
    // An `error` event without a listener would end the process.
    socket.on('error', (error: Error) => this.logger.debug('client socket', { error: error.message }));
  }

  /** Cuts all clients off; they go on at another node. */
  disconnectAll(): void {
    this.server?.disconnectSockets(true);
    this.connections.clear();
  }

  private receive(socket: Socket, connection: ClientConnection, link: SocketLink, bytes: unknown): void {
    const frame = this.frameOf(bytes);
    if (typeof frame === 'object') return connection.receive(frame);
    link.sendResponses([
      [NO_REQUEST_ID, 0, errorBody('INVALID_ARGUMENT', `malformed frame: ${frame}`, { field: 'frame' })],
    ]);
    this.logger.debug('malformed frame', { reason: frame });
    socket.disconnect(true);
  }

  /** The frame, or what is wrong with it. */
  private frameOf(bytes: unknown): ReturnType<typeof parseFrame> {
    if (!Buffer.isBuffer(bytes)) return 'must be one binary argument';
    if (bytes.byteLength > MAX_FRAME_BYTES) return `larger than ${MAX_FRAME_BYTES} bytes`;
    try {
      return parseFrame(decodeFrame(bytes));
    } catch (error) {
      if (error instanceof MalformedFrame) return error.message;
      throw error;
    }
  }
}
