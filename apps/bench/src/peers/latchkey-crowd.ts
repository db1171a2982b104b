import { ClientCore, Latchkey, MainThreadHeartbeat } from '@latchkey/sdk-core';
import { newLeaseId } from '../../../sdk/src/node/lease-id.js';
import { nodeClock } from '../../../sdk/src/node/node-clock.js';
import { createSocketConnector } from '../../../sdk/src/node/socket-connector.js';

/** A crowd in one process is late now and then; its sessions must not end for that. */
const SESSION_TTL_MS = 60_000;
const REQUEST_TIMEOUT_MS = 60_000;

/**
 * What `connect` of the SDK makes, but with the renewals of its session in this thread, as the SDK does itself where it cannot start
 * a worker: a client stands for a process of its own, and a thousand worker threads in one process stand for nothing.
 */
export async function connectOneOfMany(endpoints: readonly string[]): Promise<Latchkey> {
  const platform = {
    clock: nodeClock,
    connector: createSocketConnector(),
    random: Math.random,
    newLeaseId,
  };
  const heartbeat = new MainThreadHeartbeat({ endpoints, ...platform });
  const core = new ClientCore(
    { ...platform, heartbeat },
    { endpoints, sessionTtlMs: SESSION_TTL_MS, clientName: null, requestTimeoutMs: REQUEST_TIMEOUT_MS },
  );
  await core.open();
  return new Latchkey(core);
}
