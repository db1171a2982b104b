/**
 * Socket.IO's `parser` option for peer connections, on both sides.
 *
 * The default parser sends a binary event as a text frame and one frame per attachment, and puts a payload of any shape
 * together from what it receives. Peers need one event, whose payload is one `Buffer`: here it is one websocket
 * frame without a header. Control packets keep the text form of Socket.IO protocol 5, so that a stranger's ordinary client
 * is refused in words it understands. Anything else is an error, on which Socket.IO closes the connection.
 */
import { EventEmitter } from 'node:events';
import { CodecError } from './codec-error.js';

/** Name of the event that carries one frame (see `peer-codec.ts`). */
export const frameEvent = 'frame';
/** Name of the event that carries the acceptor's proof. */
export const welcomeEvent = 'welcome';
/** Name of the event by which the acceptor asks the dialler to open the bulk connection. */
export const bulkWantedEvent = 'bulkWanted';

const packetType = { connect: 0, disconnect: 1, event: 2, connectError: 4 } as const;
const maxControlLength = 4_096;
const controlPattern = /^([0124])(?:(\/[^,]*),)?([[{].*)?$/s;

type SocketIoPacket = {
  readonly type: number;
  readonly nsp: string;
  readonly data?: unknown;
};

/** @public Socket.IO takes it by this name. */
export class Encoder {
  encode(packet: SocketIoPacket): (string | Buffer)[] {
    if (packet.type === packetType.event && Array.isArray(packet.data)) {
      const [name, payload] = packet.data as readonly unknown[]; // an event's data is its name and arguments
      if (name === frameEvent && Buffer.isBuffer(payload)) return [payload];
    }
    const namespace = packet.nsp === '/' ? '' : `${packet.nsp},`;
    const json = packet.data === undefined ? '' : JSON.stringify(packet.data);
    return [`${packet.type}${namespace}${json}`];
  }
}

/** @public Socket.IO takes it by this name. */
export class Decoder extends EventEmitter {
  /** @throws CodecError */
  add(data: unknown): void {
    this.emit('decoded', Buffer.isBuffer(data) ? frameOf(data) : controlOf(data));
  }

  /** Socket.IO calls it when the connection closes; nothing is held between packets. */
  destroy(): void {}
}

function frameOf(frame: Buffer): SocketIoPacket {
  return { type: packetType.event, nsp: '/', data: [frameEvent, frame] };
}

function controlOf(text: unknown): SocketIoPacket {
  if (typeof text !== 'string' || text.length > maxControlLength) throw new CodecError('not a control packet');
  const match = controlPattern.exec(text);
  if (match === null) throw new CodecError('not a control packet');
  const type = Number(match[1]);
  const nsp = match[2] ?? '/';
  const data = match[3] === undefined ? undefined : parseJson(match[3]);
  if (!isExpectedData(type, data)) throw new CodecError('control packet with unexpected data');
  return data === undefined ? { type, nsp } : { type, nsp, data };
}

function parseJson(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch (cause) {
    throw new CodecError('control packet is no JSON', { cause });
  }
}

function isExpectedData(type: number, data: unknown): boolean {
  const isObject = typeof data === 'object' && data !== null && !Array.isArray(data);
  switch (type) {
    case packetType.connect:
      return data === undefined || isObject;
    case packetType.disconnect:
      return data === undefined;
    case packetType.connectError:
      return isObject;
    default:
      return Array.isArray(data) && isExpectedEvent(data);
  }
}

function isExpectedEvent([name, payload, ...more]: readonly unknown[]): boolean {
  if (name === bulkWantedEvent) return payload === undefined && more.length === 0;
  return name === welcomeEvent && typeof payload === 'string' && more.length === 0;
}
