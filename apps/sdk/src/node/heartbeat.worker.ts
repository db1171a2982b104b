import { parentPort, workerData } from 'node:worker_threads';
import { LeaseRenewer } from '../session/lease-renewer.js';
import { nodeClock } from './node-clock.js';
import { createSocketConnector } from './socket-connector.js';

/** What the heartbeat thread is started with. */
export type HeartbeatWorkerData = { readonly endpoints: readonly string[]; readonly clientName: string | null };

export type ToHeartbeatWorker =
  /** `sentAt`: one BigInt64, nanoseconds of the last acknowledged renewal's sending; 0 = none yet. */
  | { readonly type: 'keep'; readonly leaseId: string; readonly ttlMs: number; readonly sentAt: SharedArrayBuffer }
  | { readonly type: 'drop'; readonly leaseId: string };

export type FromHeartbeatWorker = { readonly type: 'gone'; readonly leaseId: string };

/** The thread that renews leases while the application's own thread may be busy. Started by WorkerHeartbeat only. */
function run(): void {
  // WorkerHeartbeat starts this file with exactly this.
  const { endpoints, clientName } = workerData as HeartbeatWorkerData;
  const sentAt = new Map<string, BigInt64Array>();
  const renewer = new LeaseRenewer({
    endpoints,
    connector: createSocketConnector(clientName ?? undefined),
    clock: nodeClock,
    random: Math.random,
    renewed: (leaseId, sentAtMs) => {
      const cell = sentAt.get(leaseId);
      if (cell !== undefined) Atomics.store(cell, 0, BigInt(Math.floor(sentAtMs * 1e6)));
    },
    gone: (leaseId) => {
      sentAt.delete(leaseId);
      parentPort?.postMessage({ type: 'gone', leaseId } satisfies FromHeartbeatWorker);
    },
  });
  parentPort?.on('message', (message: ToHeartbeatWorker) => {
    if (message.type === 'keep') {
      sentAt.set(message.leaseId, new BigInt64Array(message.sentAt));
      renewer.keep(message.leaseId, message.ttlMs);
    } else {
      sentAt.delete(message.leaseId);
      renewer.drop(message.leaseId);
    }
  });
  renewer.start();
}

run();
