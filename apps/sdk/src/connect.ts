import { ClientCore } from './client-core.js';
import type { ConnectOptions } from './connect-options.js';
import { readSettings } from './connect-options.js';
import { Latchkey } from './latchkey.js';
import { createHeartbeat } from './node/create-heartbeat.js';
import { newLeaseId } from './node/lease-id.js';
import { nodeClock } from './node/node-clock.js';
import { createSocketConnector } from './node/socket-connector.js';

/**
 * Connects to a cluster and makes a session.
 * @throws InvalidArgumentError for a wrong option; UnavailableError when no node answers within `requestTimeoutMs`, naming each; the signal's reason
 */
export async function connect(options: ConnectOptions): Promise<Latchkey> {
  const settings = readSettings(options);
  options.signal?.throwIfAborted();
  const core = new ClientCore(
    {
      clock: nodeClock,
      connector: createSocketConnector(settings.clientName ?? undefined),
      heartbeat: createHeartbeat(settings.endpoints, settings.clientName),
      random: Math.random,
      newLeaseId,
    },
    settings,
  );
  await core.open(options.signal);
  return new Latchkey(core);
}
