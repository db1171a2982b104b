import type {
  CLIENT_EVENTS as ClientEvents,
  CLIENT_SOCKET_PATH as ClientSocketPath,
  NODE_EVENT as NodeEvent,
  ProtocolVersion,
  REQUESTS_EVENT as RequestsEvent,
  RESPONSES_EVENT as ResponsesEvent,
  WATCH_EVENT as WatchEvent,
} from '@latchkey/contracts';

// Written again, because importing the values would load the contracts library (and class-validator) into every application. The types
// make the compiler refuse any difference.
export const PROTOCOL_VERSION: ProtocolVersion = 2;
export const CLIENT_SOCKET_PATH: typeof ClientSocketPath = '/latchkey/client';
export const REQUESTS_EVENT: typeof RequestsEvent = 'requests';
export const RESPONSES_EVENT: typeof ResponsesEvent = 'responses';
export const WATCH_EVENT: typeof WatchEvent = 'watch';
export const NODE_EVENT: typeof NodeEvent = 'node';
export const CLIENT_EVENTS: typeof ClientEvents = [REQUESTS_EVENT, RESPONSES_EVENT, WATCH_EVENT, NODE_EVENT];
