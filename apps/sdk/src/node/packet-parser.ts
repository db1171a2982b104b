/** Socket.IO's `parser` option of the client wire, as the nodes have it (`libs/contracts/src/protocol.ts`); what comes from them is trusted. */
import { EventEmitter } from 'node:events';
import { CLIENT_EVENTS } from './wire-constants.js';

/** As Socket.IO hands it to a parser and takes it from one. */
type SocketIoPacket = { readonly type: number; readonly nsp: string; readonly data?: unknown };

const EVENT_TYPE = 2;
const TAG_BYTES = 1;
const TAGS: ReadonlyMap<unknown, number> = new Map(CLIENT_EVENTS.map((name, tag) => [name, tag]));

/** @public Socket.IO takes it by this name. */
export class Encoder {
  encode({ type, data }: SocketIoPacket): (string | Buffer)[] {
    if (type !== EVENT_TYPE) return [`${type}${data === undefined ? '' : JSON.stringify(data)}`];
    // The connector emits these and no others.
    const [name, document] = data as readonly [string, Uint8Array];
    const message = Buffer.allocUnsafe(TAG_BYTES + document.byteLength);
    message[0] = TAGS.get(name) ?? CLIENT_EVENTS.length;
    message.set(document, TAG_BYTES);
    return [message];
  }
}

/** @public Socket.IO takes it by this name. */
export class Decoder extends EventEmitter {
  add(message: string | Buffer): void {
    this.emit('decoded', typeof message === 'string' ? controlOf(message) : eventOf(message));
  }

  /** Socket.IO calls it when the connection closes; nothing is held between packets. */
  destroy(): void {}
}

function eventOf(message: Buffer): SocketIoPacket {
  // Of a name that nobody listens to nothing comes.
  const name = CLIENT_EVENTS[message[0] ?? CLIENT_EVENTS.length] ?? '';
  return { type: EVENT_TYPE, nsp: '/', data: [name, message.subarray(TAG_BYTES)] };
}

/** Text that is none of Socket.IO's throws, upon which the connection is closed. */
function controlOf(text: string): SocketIoPacket {
  const json = text.slice(1);
  const packet = { type: Number(text[0]), nsp: '/' };
  return json === '' ? packet : { ...packet, data: JSON.parse(json) as unknown };
}
