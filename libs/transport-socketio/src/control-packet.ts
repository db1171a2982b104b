import { CodecError } from './codec-error.js';

/** As Socket.IO hands it to a parser and takes it from one. */
export type SocketIoPacket = {
  readonly type: number;
  readonly nsp: string;
  readonly data?: unknown;
};

/** Of Socket.IO protocol 5, without acknowledgements and attachments. */
export const packetType = { connect: 0, disconnect: 1, event: 2, connectError: 4 } as const;

const maxControlLength = 4_096;
const controlPattern = /^([0124])(?:(\/[^,]*),)?([[{].*)?$/s;

/** The text form of Socket.IO protocol 5, so that a stranger's ordinary client is refused in words it understands. */
export function encodeControl(packet: SocketIoPacket): string {
  const namespace = packet.nsp === '/' ? '' : `${packet.nsp},`;
  const json = packet.data === undefined ? '' : JSON.stringify(packet.data);
  return `${packet.type}${namespace}${json}`;
}

/**
 * @param isExpectedEvent of the name and the arguments of an event
 * @throws CodecError
 */
export function decodeControl(
  text: unknown,
  isExpectedEvent: (nameAndArguments: readonly unknown[]) => boolean,
): SocketIoPacket {
  if (typeof text !== 'string' || text.length > maxControlLength) throw new CodecError('not a control packet');
  const match = controlPattern.exec(text);
  if (match === null) throw new CodecError('not a control packet');
  const type = Number(match[1]);
  const nsp = match[2] ?? '/';
  const data = match[3] === undefined ? undefined : parseJson(match[3]);
  if (!isExpectedData(type, data, isExpectedEvent)) throw new CodecError('control packet with unexpected data');
  return data === undefined ? { type, nsp } : { type, nsp, data };
}

function parseJson(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch (cause) {
    throw new CodecError('control packet is no JSON', { cause });
  }
}

function isExpectedData(
  type: number,
  data: unknown,
  isExpectedEvent: (nameAndArguments: readonly unknown[]) => boolean,
): boolean {
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
