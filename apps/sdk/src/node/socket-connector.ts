import type {
  ClientHandshake,
  ErrorBody,
  NodeAnnouncement,
  RequestFrame,
  ResponseFrame,
  WatchFrame,
} from '@latchkey/contracts';
import { Packr } from 'msgpackr';
import { io } from 'socket.io-client';
import type { Connection, ConnectionListener, Connector } from '../ports/connector.js';
import * as parser from './packet-parser.js';
import {
  CLIENT_SOCKET_PATH,
  NODE_EVENT,
  PROTOCOL_VERSION,
  REQUESTS_EVENT,
  RESPONSES_EVENT,
  WATCH_EVENT,
} from './wire-constants.js';

/** Connections over Socket.IO, websocket only. Its own reconnection and offline buffer are off: both belong to the client's logic. */
export function createSocketConnector(clientName?: string): Connector {
  const packr = new Packr({ useRecords: false });
  const auth: ClientHandshake = {
    protocolVersion: PROTOCOL_VERSION,
    ...(clientName === undefined ? {} : { clientName }),
  };
  return { open: (endpoint, listener) => openSocket({ endpoint, listener, packr, auth }) };
}

function openSocket(parts: {
  readonly endpoint: string;
  readonly listener: ConnectionListener;
  readonly packr: Packr;
  readonly auth: ClientHandshake;
}): Connection {
  const { endpoint, listener, packr, auth } = parts;
  const socket = io(endpoint, {
    path: CLIENT_SOCKET_PATH,
    parser,
    transports: ['websocket'],
    reconnection: false,
    forceNew: true,
    autoConnect: false,
    auth,
  });
  let over = false;
  const end = (message: string, error: ErrorBody | null): void => {
    if (over) return;
    over = true;
    socket.disconnect();
    listener.closed({ message, error });
  };
  socket.on('connect', () => listener.opened());
  socket.on('connect_error', (error: Error & { data?: unknown }) => end(describe(error), errorBodyOrNull(error.data)));
  socket.on('disconnect', (reason) => end(reason, null));
  socket.on(RESPONSES_EVENT, (bytes: Uint8Array) => {
    // Only a Latchkey node speaks this protocol version; what it sends has these types.
    if (!over) listener.responses(packr.unpack(bytes) as ResponseFrame);
  });
  socket.on(WATCH_EVENT, (bytes: Uint8Array) => {
    // As above.
    if (!over) listener.watch(packr.unpack(bytes) as WatchFrame);
  });
  socket.on(NODE_EVENT, (bytes: Uint8Array) => {
    // As above.
    if (!over) listener.announced(packr.unpack(bytes) as NodeAnnouncement);
  });
  socket.connect();
  return {
    send: (frame: RequestFrame) => {
      // Socket.IO would keep it and send it on a later connection (FAILURE-MODES 49).
      if (!over && socket.connected) socket.emit(REQUESTS_EVENT, packr.pack(frame));
    },
    close: () => {
      over = true;
      socket.disconnect();
    },
  };
}

/** Socket.IO says only "websocket error"; what the system said is further down. */
function describe(error: Error & { description?: unknown }): string {
  const inner = error.description;
  if (typeof inner === 'object' && inner !== null && 'message' in inner && typeof inner.message === 'string') {
    return inner.message === '' ? error.message : inner.message;
  }
  return error.message;
}

function errorBodyOrNull(data: unknown): ErrorBody | null {
  if (typeof data !== 'object' || data === null || !('code' in data) || typeof data.code !== 'string') return null;
  // A refusal by a node's own handshake check carries a whole error body.
  return data as ErrorBody;
}
