/** Socket.IO's `parser` option of the client wire; see `libs/contracts/src/protocol.ts`. */
import { EventEmitter } from 'node:events';
import { CLIENT_EVENTS } from '@latchkey/contracts';
import {
  CodecError,
  decodeControl,
  encodeControl,
  packetType,
  type SocketIoPacket,
} from '@latchkey/transport-socketio';

const TAG_BYTES = 1;
const TAGS: ReadonlyMap<unknown, number> = new Map(CLIENT_EVENTS.map((name, tag) => [name, tag]));

/** @public Socket.IO takes it by this name. */
export class Encoder {
  encode(packet: SocketIoPacket): (string | Buffer)[] {
    if (packet.type !== packetType.event || !Array.isArray(packet.data)) return [encodeControl(packet)];
    const [name, message] = packet.data as readonly unknown[]; // an event's data is its name and arguments
    // Tagged already, by `frame-encoder.ts`.
    if (!Buffer.isBuffer(message) || message[0] !== TAGS.get(name)) throw new CodecError('no event of the client wire');
    return [message];
  }
}

/** @public Socket.IO takes it by this name. */
export class Decoder extends EventEmitter {
  /** @throws CodecError, upon which Socket.IO closes the connection */
  add(data: unknown): void {
    this.emit('decoded', Buffer.isBuffer(data) ? eventOf(data) : decodeControl(data, () => false));
  }

  /** Socket.IO calls it when the connection closes; nothing is held between packets. */
  destroy(): void {}
}

function eventOf(message: Buffer): SocketIoPacket {
  const name = CLIENT_EVENTS[message[0] ?? CLIENT_EVENTS.length];
  if (name === undefined) throw new CodecError('no event of the client wire');
  return { type: packetType.event, nsp: '/', data: [name, message.subarray(TAG_BYTES)] };
}
