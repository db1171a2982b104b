import type { LogStore, PeerTransport } from '@latchkey/replica';
import type { PartLogger } from '../logging/part-logger.js';
import type { NodeSettings } from '../settings/settings.js';
import { SoloTransport } from './solo-transport.js';

/** The only place that knows which store and which transport there are. Those that are not chosen are not loaded. */
export async function createLogStore(settings: NodeSettings): Promise<LogStore> {
  const { nodeId, clusterId, databaseUrl } = settings;
  switch (settings.storage) {
    case 'memory': {
      const { MemoryDisk, MemoryLogStore } = await import('./memory-log-store.js');
      return new MemoryLogStore(new MemoryDisk());
    }
    case 'postgres': {
      const { createPostgresLogStore } = await import('./postgres-log-store.js');
      return createPostgresLogStore({ url: databaseUrl, nodeId, clusterId });
    }
  }
}

export async function createPeerTransport(settings: NodeSettings, logger: PartLogger): Promise<PeerTransport> {
  const { nodeId, clusterId, peers, peerHost, peerPort, peerSecret } = settings;
  if (peers.size === 1) return new SoloTransport();
  const { createSocketIoTransport } = await import('./socketio-peer-transport.js');
  return createSocketIoTransport({
    nodeId,
    clusterId,
    peers,
    listenHost: peerHost,
    listenPort: peerPort,
    secret: peerSecret,
    observer: { warning: (message, details) => logger.warn(message, details) },
  });
}
