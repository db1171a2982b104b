import {
  checkpointStoreChecks,
  interruptedCheckpointChecks,
  registerConformance,
  type InterruptibleCheckpointStorePlace,
} from '@latchkey/conformance';
import { nodeId } from '@latchkey/raft';
import { createPostgresStores } from '@latchkey/storage-postgres';
import { describe, it } from 'vitest';
import { createDatabase, queryOnce, testPostgres } from '../support/postgres.js';
import { TcpProxy } from '../support/tcp-proxy.js';

const IDENTITY = { nodeId: nodeId('n1'), clusterId: 'conformance' };

registerConformance({ describe, it }, 'checkpoint store contract: Postgres', checkpointStoreChecks, async () => {
  const url = await createDatabase();
  return {
    open: async () => createPostgresStores({ ...IDENTITY, url }),
    dispose: async () => undefined,
  };
});

/** The connection is cut in front of the server's `lostAnswer`th answer from now on, in the middle of the call. */
function placeWithLostAnswer(lostAnswer: number): () => Promise<InterruptibleCheckpointStorePlace> {
  return async () => {
    const proxied = new URL(await createDatabase());
    const proxy = await TcpProxy.to(Number(proxied.port));
    proxied.port = new URL(proxy.url).port;
    return {
      open: async () => createPostgresStores({ ...IDENTITY, url: proxied.href }),
      dispose: async () => proxy[Symbol.asyncDispose](),
      interruptNext: async () => {
        let answers = 0;
        proxy.loseReplies(() => ++answers === lostAnswer);
      },
    };
  };
}

/** The server ends every session before the call. */
async function placeWithTerminatedSessions(): Promise<InterruptibleCheckpointStorePlace> {
  const url = await createDatabase();
  return {
    open: async () => createPostgresStores({ ...IDENTITY, url }),
    dispose: async () => undefined,
    interruptNext: async () => {
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
const interrupted = 'checkpoint store contract, interruptions: Postgres';
registerConformance(runner, `${interrupted}, first answer lost`, interruptedCheckpointChecks, placeWithLostAnswer(1));
registerConformance(runner, `${interrupted}, second answer lost`, interruptedCheckpointChecks, placeWithLostAnswer(2));
registerConformance(runner, `${interrupted}, sessions ended`, interruptedCheckpointChecks, placeWithTerminatedSessions);
