import type { ErrorBody } from './errors.js';
import type { ClientRequest, ClientResult } from './requests.js';
import type { WatchMessage } from './watch.js';

/**
 * The client wire over Socket.IO (websocket only, path `/latchkey/client`): four events, each with one binary argument, a MessagePack document.
 * An event is one binary message: the place of its name in `CLIENT_EVENTS` as one byte, and the document. Socket.IO's own form is a
 * text message and a binary one for each event, which is dear to read. Everything else is as in Socket.IO protocol 5.
 *
 * The version travels in the handshake's `auth` ({protocolVersion, clientName?}); a server that does not speak it refuses with PROTOCOL_VERSION.
 */
export type ProtocolVersion = 2;

export const PROTOCOL_VERSION: ProtocolVersion = 2;
export const CLIENT_SOCKET_PATH = '/latchkey/client';

/** Event names. */
export const REQUESTS_EVENT = 'requests';
export const RESPONSES_EVENT = 'responses';
export const WATCH_EVENT = 'watch';
export const NODE_EVENT = 'node';
export const CLIENT_EVENTS = [REQUESTS_EVENT, RESPONSES_EVENT, WATCH_EVENT, NODE_EVENT] as const;

export type ClientHandshake = { readonly protocolVersion: ProtocolVersion; readonly clientName?: string };

/**
 * Client → node, event `requests`. Everything a client asks within one tick travels in one frame.
 *
 * `session` is the client's session lease, or null before it has one. A request's id grows by one over the client's life and
 * survives reconnects: for a writing request sent with a session it is the sequence of its exactly-once identity, so a
 * retry on any node carries the same id. Every id up to `acknowledgedThrough` has been answered to the client.
 */
export type RequestFrame = readonly [
  acknowledgedThrough: number,
  session: string | null,
  requests: readonly (readonly [id: number, request: ClientRequest])[],
];

/**
 * Node → client, event `responses`, in the order in which they became known. `ok` 1: the result; 0: the error. An error with the
 * id 0, which no request has, says why the node is about to close the connection (a frame that it could not read).
 */
export type ResponseFrame = readonly (
  readonly [id: number, ok: 1, result: ClientResult] | readonly [id: number, ok: 0, error: ErrorBody]
)[];

/** Node → client, event `watch`. */
export type WatchFrame = readonly (readonly [watchId: number, message: WatchMessage])[];

/**
 * Node → client, event `node`: who it is and whom it follows (itself when it leads, null when it knows of no leader). Sent when
 * the connection opens, and whenever it changes. Where the nodes are is not said: the client knows endpoints of its own.
 */
export type NodeAnnouncement = readonly [nodeId: string, leaderId: string | null];

/** Limits of one connection; a frame beyond them is refused as a whole (TOO_LARGE, INVALID_ARGUMENT). */
export const MAX_FRAME_BYTES = 4 * 1024 * 1024;
export const MAX_REQUESTS_PER_FRAME = 1_024;
export const MAX_WATCHES_PER_CONNECTION = 1_000;
export const MAX_PENDING_REQUESTS_PER_CONNECTION = 8_192;
