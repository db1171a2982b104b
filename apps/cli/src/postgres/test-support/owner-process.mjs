// Starts an embedded Postgres, says its pid, and lives until it is killed: what `latchkey up` is to its databases.
import { join } from 'node:path';
import { createViteServer } from 'vitest/node';

const vite = await createViteServer({
  configFile: false,
  logLevel: 'error',
  server: { middlewareMode: true, ws: false },
});
const { startEmbeddedPostgres } = await vite.ssrLoadModule(join(import.meta.dirname, '../embedded-postgres.ts'));
const { pid } = await startEmbeddedPostgres({ dataDirectory: process.argv[2], log: () => undefined });
process.stdout.write(`${pid}\n`);
setInterval(() => undefined, 60_000);
