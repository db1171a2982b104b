import {
  interruptedPersistChecks,
  logStoreChecks,
  registerConformance,
  type InterruptibleLogStorePlace,
} from '@latchkey/conformance';
import { nodeId } from '@latchkey/raft';
import { createPostgresLogStore } from '@latchkey/storage-postgres';
import { describe, it } from 'vitest';
import { createDatabase, queryOnce, testPostgres } from '../support/postgres.js';
import { TcpProxy } from '../support/tcp-proxy.js';

const IDENTITY = { nodeId: nodeId('n1'), clusterId: 'conformance' };

registerConformance({ describe, it }, 'log store contract: Postgres', logStoreChecks, async () => {
  const url = await createDatabase();
  return {
    open: async () => createPostgresLogStore({ ...IDENTITY, url }),
    dispose: async () => undefined,
  };
});

/** The batch reaches the server, which commits it; the connection is cut in front of the answer. */
async function placeWithLostReplies(): Promise<InterruptibleLogStorePlace> {
  const proxied = new URL(await createDatabase());
  const proxy = await TcpProxy.to(Number(proxied.port));
  proxied.port = new URL(proxy.url).port;
  return {
    open: async () => createPostgresLogStore({ ...IDENTITY, url: proxied.href }),
    dispose: async () => proxy[Symbol.asyncDispose](),
    interruptNextPersist: async () => {
      let isFirst = true;
      proxy.loseReplies(() => isFirst && !(isFirst = false));
    },
  };
}

/** The server ends the connection before the batch is sent. */
async function placeWithTerminatedSessions(): Promise<InterruptibleLogStorePlace> {
  const url = await createDatabase();
  return {
    open: async () => createPostgresLogStore({ ...IDENTITY, url }),
    dispose: async () => undefined,
    interruptNextPersist: async () => {
      const database = new URL(url).pathname.slice(1);
      await queryOnce(
        (await testPostgres()).url,
        'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1',
        [database],
      );
    },
  };
}

const runner = { describe, it };
const interrupted = 'log store contract, interrupted persists: Postgres';
registerConformance(runner, `${interrupted}, answer lost`, interruptedPersistChecks, placeWithLostReplies);
registerConformance(runner, `${interrupted}, session ended`, interruptedPersistChecks, placeWithTerminatedSessions);
