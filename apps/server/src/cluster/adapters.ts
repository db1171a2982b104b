import { randomUUID } from 'node:crypto';
import type { CheckpointStore, IdentityStore, LogStore, PeerTransport, StoreVerifier } from '@latchkey/replica';
import type { PartLogger } from '../logging/part-logger.js';
import type { NodeSettings } from '../settings/settings.js';
import { SoloTransport } from './solo-transport.js';

/** All in the same place and under one claim; closing the log store closes the others. */
export type Stores = {
  readonly logStore: LogStore;
  readonly checkpoints: CheckpointStore;
  readonly identity: IdentityStore;
  /** Null where nothing can be damaged without the process. */
  readonly verifier: StoreVerifier | null;
};

/** A write that hangs for so long is given up, and the node is silent until its database works: well after a leader has given way. */
const PERSIST_ELECTION_TIMEOUTS = 10;
/** Disks have bad moments, also under nodes that are told to be quick. */
const MIN_PERSIST_TIMEOUT_MS = 5_000;

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
        verifier: null,
      };
    }
    case 'postgres': {
      const { createPostgresStores } = await import('./postgres-log-store.js');
      const persistTimeoutMs = Math.max(MIN_PERSIST_TIMEOUT_MS, PERSIST_ELECTION_TIMEOUTS * settings.electionTimeoutMs);
      return createPostgresStores({ url: databaseUrl, nodeId, clusterId, persistTimeoutMs });
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
