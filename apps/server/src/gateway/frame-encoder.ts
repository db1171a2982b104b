import { Packr } from 'msgpackr';
import {
  CLIENT_EVENTS,
  NODE_EVENT,
  RESPONSES_EVENT,
  WATCH_EVENT,
  type NodeAnnouncement,
  type ResponseFrame,
  type WatchMessage,
} from '@latchkey/contracts';
import type { SharedMessage } from '../watch/shared-message.js';

/** Plain maps, no records or other extensions: any MessagePack reader understands the wire. */
const packr = new Packr({ useRecords: false, encodeUndefinedAsNil: false, variableMapSize: true });

/** What travels begins with the tag of its event. */
const TAG_BYTES = 1;

export const encodeAnnouncement = (announcement: NodeAnnouncement): Buffer => taggedDocument(NODE_EVENT, announcement);

export const encodeResponses = (responses: ResponseFrame): Buffer => taggedDocument(RESPONSES_EVENT, responses);

const PACKED = Symbol('MessagePack');
const packMessage = (message: WatchMessage): Buffer => packr.pack(message);

export const packedMessage = (message: SharedMessage): Uint8Array => message.encodedAs(PACKED, packMessage);

/**
 * A `WatchFrame` of messages that are packed already, as many watchers get the same one. Of a single message it is the same
 * buffer for each connection on which the watch has this id, as it mostly has where many clients run the same program: V8
 * collects the whole heap for the sake of large buffers, and with one for each connection that cost more than sending them.
 */
export function encodeWatchFrame(entries: readonly (readonly [watchId: number, message: SharedMessage])[]): Buffer {
  const [first] = entries;
  if (first === undefined || entries.length > 1) return watchFrame(entries);
  const [watchId, message] = first;
  return message.encodedAs(watchId, () => watchFrame(entries));
}

function watchFrame(entries: readonly (readonly [watchId: number, message: SharedMessage])[]): Buffer {
  const parts: Uint8Array[] = [tagOf(WATCH_EVENT), arrayHeader(entries.length)];
  for (const [watchId, message] of entries) parts.push(PAIR_HEADER, packr.pack(watchId), packedMessage(message));
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

type ClientEvent = (typeof CLIENT_EVENTS)[number];

const tagOf = (event: ClientEvent): Buffer => Buffer.of(CLIENT_EVENTS.indexOf(event));

function taggedDocument(event: ClientEvent, content: NodeAnnouncement | ResponseFrame): Buffer {
  const document = packr.pack(content);
  // Copied, although msgpackr could leave room for the tag: its buffers are large, and a client that reads slowly would keep them.
  const bytes = Buffer.allocUnsafe(TAG_BYTES + document.byteLength);
  bytes[0] = CLIENT_EVENTS.indexOf(event);
  bytes.set(document, TAG_BYTES);
  return bytes;
}
