export type { PeerCounters, PeerTransportObserver } from './peer-transport-observer.js';
export type { PeerTransportLimits } from './peer-transport-limits.js';
export { defaultPeerTransportLimits } from './peer-transport-limits.js';
export { PeerListenError } from './peer-listener.js';
export { minSecretBytes } from './peer-handshake.js';
export type { SocketIoTransport, SocketIoTransportOptions } from './socketio-transport.js';
export { createSocketIoTransport } from './socketio-transport.js';
