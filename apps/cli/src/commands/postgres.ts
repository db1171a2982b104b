import { resolve } from 'node:path';
import type { Command } from 'commander';
import { failure, messageOf } from '../cli-error.js';
import { EXIT_CODE } from '../exit-code.js';
import type { Output } from '../output/output.js';
import { startEmbeddedPostgres } from '../postgres/embedded-postgres.js';
import { aborted, listenForStop, stopWithStdin } from '../supervisor/stop-signals.js';

const KEEP_ALIVE_MS = 60_000;

/**
 * A single embedded Postgres in the foreground, for programs of this repository that need a database of their own. It
 * prints one JSON line with the URL. Not shown in the help: its users' databases are none of Latchkey's business.
 */
export function addPostgresCommand(program: Command, output: Output): void {
  program
    .command('postgres', { hidden: true })
    .requiredOption('--data <directory>')
    .action(async ({ data }: { readonly data: string }) => {
      stopWithStdin();
      const signals = listenForStop(() => process.exit(EXIT_CODE.failure));
      // A running server keeps nobody from ending.
      const keepAlive = setInterval(() => undefined, KEEP_ALIVE_MS);
      try {
        const database = await startEmbeddedPostgres({ dataDirectory: resolve(data), log: () => undefined });
        output.json({ url: database.url, port: database.port, pid: database.pid });
        await aborted(signals.requested);
        await database.stop();
        output.exitWith(EXIT_CODE.ok);
      } catch (error) {
        throw failure(`cannot start Postgres: ${messageOf(error)}`);
      } finally {
        clearInterval(keepAlive);
        signals.ignore();
      }
    });
}
