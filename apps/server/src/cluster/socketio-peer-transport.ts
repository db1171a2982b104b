// See memory-log-store.ts: loaded on demand.
export { createSocketIoTransport } from '@latchkey/transport-socketio';
