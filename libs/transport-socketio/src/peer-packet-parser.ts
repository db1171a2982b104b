/**
 * Socket.IO's `parser` option for peer connections, on both sides.
 *
 * The default parser sends a binary event as a text frame and one frame per attachment, and puts a payload of any shape
 * together from what it receives. Peers need one event, whose payload is one `Buffer`: here it is one websocket
 * frame without a header. Control packets keep the text form of Socket.IO protocol 5, so that a stranger's ordinary client
 * is refused in words it understands. Anything else is an error, on which Socket.IO closes the connection.
 */
import { EventEmitter } from 'node:events';
import { decodeControl, encodeControl, packetType, type SocketIoPacket } from './control-packet.js';

/** Name of the event that carries one frame (see `peer-codec.ts`). */
export const frameEvent = 'frame';
/** Name of the event that carries the acceptor's proof. */
export const welcomeEvent = 'welcome';
/** Name of the event by which the acceptor asks the dialler to open the bulk connection. */
export const bulkWantedEvent = 'bulkWanted';

/** @public Socket.IO takes it by this name. */
export class Encoder {
  encode(packet: SocketIoPacket): (string | Buffer)[] {
    if (packet.type === packetType.event && Array.isArray(packet.data)) {
      const [name, payload] = packet.data as readonly unknown[]; // an event's data is its name and arguments
      if (name === frameEvent && Buffer.isBuffer(payload)) return [payload];
    }
    return [encodeControl(packet)];
  }
}

/** @public Socket.IO takes it by this name. */
export class Decoder extends EventEmitter {
  /** @throws CodecError */
  add(data: unknown): void {
    this.emit('decoded', Buffer.isBuffer(data) ? frameOf(data) : decodeControl(data, isExpectedEvent));
  }

  /** Socket.IO calls it when the connection closes; nothing is held between packets. */
  destroy(): void {}
}

function frameOf(frame: Buffer): SocketIoPacket {
  return { type: packetType.event, nsp: '/', data: [frameEvent, frame] };
}

function isExpectedEvent([name, payload, ...more]: readonly unknown[]): boolean {
  if (name === bulkWantedEvent) return payload === undefined && more.length === 0;
  return name === welcomeEvent && typeof payload === 'string' && more.length === 0;
}
