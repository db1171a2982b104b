import { Packr } from 'msgpackr';
import type { NodeAnnouncement, ResponseFrame, WatchMessage } from '@latchkey/contracts';
import type { SharedMessage } from '../watch/shared-message.js';

/** Plain maps, no records or other extensions: any MessagePack reader understands the wire. */
const packr = new Packr({ useRecords: false, encodeUndefinedAsNil: false, variableMapSize: true });

export const encodeAnnouncement = (announcement: NodeAnnouncement): Buffer => packr.pack(announcement);

export const encodeResponses = (responses: ResponseFrame): Buffer => packr.pack(responses);

const PACKED = Symbol('MessagePack');
const packMessage = (message: WatchMessage): Buffer => packr.pack(message);

export const packedMessage = (message: SharedMessage): Uint8Array => message.encodedAs(PACKED, packMessage);

/** A `WatchFrame` of messages that are packed already, as many watchers get the same one. */
export function encodeWatchFrame(entries: readonly (readonly [watchId: number, packed: Uint8Array])[]): Buffer {
  const parts: Uint8Array[] = [arrayHeader(entries.length)];
  for (const [watchId, packed] of entries) parts.push(PAIR_HEADER, packr.pack(watchId), packed);
  return Buffer.concat(parts);
}

const PAIR_HEADER = Buffer.of(0x92);

function arrayHeader(length: number): Buffer {
  if (length <= 0x0f) return Buffer.of(0x90 | length);
  const header = Buffer.alloc(5);
  header[0] = 0xdd;
  header.writeUInt32BE(length, 1);
  return header;
}
