import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Heartbeat } from '../ports/heartbeat.js';
import { MainThreadHeartbeat } from '../session/main-thread-heartbeat.js';
import { nodeClock } from './node-clock.js';
import { createSocketConnector } from './socket-connector.js';
import { WorkerHeartbeat } from './worker-heartbeat.js';

/**
 * A worker thread wherever the compiled worker file lies beside this one. When the SDK runs from its TypeScript sources (vitest), or a bundler has
 * swallowed the file, the same renewals run in the main thread: `status().heartbeat` tells which it is.
 */
export function createHeartbeat(endpoints: readonly string[], clientName: string | null): Heartbeat {
  const connector = createSocketConnector(clientName ?? undefined);
  const inMainThread = (): Heartbeat =>
    new MainThreadHeartbeat({ endpoints, connector, clock: nodeClock, random: Math.random });
  const file = workerFile();
  return file === null ? inMainThread() : new WorkerHeartbeat({ file, endpoints, clientName, fallback: inMainThread });
}

function workerFile(): URL | null {
  const file = new URL('./heartbeat.worker.js', import.meta.url);
  return file.protocol === 'file:' && existsSync(fileURLToPath(file)) ? file : null;
}
