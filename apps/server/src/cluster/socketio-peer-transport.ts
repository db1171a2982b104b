// See memory-stores.ts: loaded on demand.
export { createSocketIoTransport } from '@latchkey/transport-socketio';
