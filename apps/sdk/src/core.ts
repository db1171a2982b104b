/**
 * The client without Node: everything but sockets, worker threads and the real clock. For who brings a platform of his own, as the simulator does.
 */
export type {
  AcquireRequest,
  ClientRequest,
  ClientResult,
  ErrorBody,
  ErrorCode,
  NodeAnnouncement,
  RequestFrame,
  ResponseFrame,
  WatchMessage,
  WireEvent,
  WireRange,
  WireRecord,
} from '@latchkey/contracts';
export { ClientCore } from './client-core.js';
export type { LatchkeyErrorCode } from './errors/latchkey-error.js';
export { hasCode, LatchkeyError } from './errors/latchkey-error.js';
export { Latchkey } from './latchkey.js';
export type { Lock } from './locks/lock.js';
export type { Clock, Timer } from './ports/clock.js';
export type { Connection, ConnectionListener, Connector } from './ports/connector.js';
export { MainThreadHeartbeat } from './session/main-thread-heartbeat.js';
