import type { Socket } from 'socket.io';
import {
  NODE_EVENT,
  RESPONSES_EVENT,
  WATCH_EVENT,
  type NodeAnnouncement,
  type ResponseFrame,
} from '@latchkey/contracts';
import type { SharedMessage } from '../watch/shared-message.js';
import type { ClientLink } from './client-connection.js';
import { encodeAnnouncement, encodeResponses, encodeWatchFrame } from './frame-encoder.js';

/** The part of engine.io's websocket transport that is looked at: the `ws` socket below and its `drain`. */
type WebSocketTransport = {
  readonly socket?: { readonly bufferedAmount: number };
  on(event: 'drain', listener: () => void): void;
};

/** A client that leaves so much unread is beyond help: it is cut off, and may come back. */
const MAX_UNSENT_BYTES = 32 * 1024 * 1024;

/** One Socket.IO connection, websocket only. */
export class SocketLink implements ClientLink {
  /** Handed to Socket.IO and not yet to the websocket. */
  private queuedBytes = 0;
  private readonly transport: WebSocketTransport;

  constructor(
    private readonly socket: Socket,
    onDrain: () => void,
  ) {
    // engine.io does not declare what its websocket transport has.
    this.transport = socket.conn.transport;
    socket.conn.on('flush', () => {
      this.queuedBytes = 0;
    });
    this.transport.on('drain', onDrain);
  }

  get unsentBytes(): number {
    return this.queuedBytes + (this.transport.socket?.bufferedAmount ?? 0);
  }

  announce(announcement: NodeAnnouncement): void {
    this.send(NODE_EVENT, encodeAnnouncement(announcement));
  }

  sendResponses(responses: ResponseFrame): void {
    this.send(RESPONSES_EVENT, encodeResponses(responses));
  }

  sendWatch(entries: readonly (readonly [watchId: number, message: SharedMessage])[]): void {
    this.send(WATCH_EVENT, encodeWatchFrame(entries));
  }

  private send(event: string, frame: Buffer): void {
    this.queuedBytes += frame.byteLength;
    this.socket.emit(event, frame);
    if (this.unsentBytes > MAX_UNSENT_BYTES) this.socket.disconnect(true);
  }
}
