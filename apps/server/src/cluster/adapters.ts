import { randomUUID } from 'node:crypto';
import type { CheckpointStore, IdentityStore, LogStore, PeerTransport } from '@latchkey/replica';
import type { PartLogger } from '../logging/part-logger.js';
import type { NodeSettings } from '../settings/settings.js';
import { SoloTransport } from './solo-transport.js';

/** All in the same place and under one claim; closing the log store closes the others. */
export type Stores = {
  readonly logStore: LogStore;
  readonly checkpoints: CheckpointStore;
  readonly identity: IdentityStore;
};

/** The only place that knows which stores and which transport there are. Those that are not chosen are not loaded. */
export async function createStores(settings: NodeSettings): Promise<Stores> {
  const { nodeId, clusterId, databaseUrl } = settings;
  switch (settings.storage) {
    case 'memory': {
      const memory = await import('./memory-log-store.js');
      const disk = new memory.MemoryDisk(randomUUID());
      return {
        logStore: new memory.MemoryLogStore(disk),
        checkpoints: new memory.MemoryCheckpointStore(disk),
        identity: new memory.MemoryIdentityStore(disk),
      };
    }
    case 'postgres': {
      const { createPostgresStores } = await import('./postgres-log-store.js');
      return createPostgresStores({ url: databaseUrl, nodeId, clusterId });
    }
  }
}

export async function createPeerTransport(settings: NodeSettings, logger: PartLogger): Promise<PeerTransport> {
  const { nodeId, clusterId, peers, peerHost, peerPort, peerSecret } = settings;
  // A secret says that others may come: then also a cluster of one listens.
  if (peerSecret === '') return new SoloTransport();
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
