import { resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { EmbeddedPostgresError } from './embedded-postgres-error.js';
import { findFreePort, isPortFree } from './free-port.js';
import { accountFor } from './postgres-account.js';
import { postgresBinaries } from './postgres-binaries.js';
import { prepareDataDirectory } from './postgres-data-directory.js';
import { type PostgresServer, type ServerFiles, startServer } from './postgres-server.js';
import { DATABASE, SUPERUSER } from './postgres-settings.js';
import { releaseDataDirectory } from './postmaster.js';

export type EmbeddedPostgresOptions = {
  /** Made when it does not exist; its parent must be writable. Everything of this server is in it. */
  readonly dataDirectory: string;
  /** On 127.0.0.1. Absent or 0: a free one, which may be another at every start. */
  readonly port?: number;
  /** Takes a line now and then for a person. */
  readonly log: (line: string) => void;
};

export type EmbeddedPostgres = {
  /** With user and password. */
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** Resolves when the server process has ended, for whatever reason. */
  readonly exited: Promise<void>;
  /** Fast shutdown: waits for no client. Resolves when the process is gone. May be called again. */
  readonly stop: () => Promise<void>;
};

/** Another process may take a free port before Postgres does, and processes of a killed server need a moment to end. */
const MAX_START_ATTEMPTS = 20;
const RETRY_DELAY_MS = 100;

/**
 * Starts a real Postgres with the binaries of the `embedded-postgres` package, on data that is kept between starts.
 *
 * The package's own class is not used: it stops its servers from hooks at process exit (we stop them in our order),
 * takes the server's log through a pipe (a server whose parent died would lose it), wants to add a user to the system,
 * and knows nothing of servers left from an earlier run. See docs/decisions/0006-embedded-postgres.md.
 * @throws EmbeddedPostgresError
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const directory = resolve(options.dataDirectory);
  const account = await accountFor(directory);
  const binaries = await postgresBinaries(account, `${directory}.binaries`);
  const stopped = await releaseDataDirectory(directory);
  if (stopped !== null) options.log(`stopped Postgres ${stopped}, which an earlier run left on ${directory}`);
  const wantedPort = options.port ?? 0;
  if (wantedPort !== 0 && !(await isPortFree(wantedPort))) {
    throw new EmbeddedPostgresError('portInUse', `port ${wantedPort} is in use; Postgres needs it`);
  }
  const { password, isNew } = await prepareDataDirectory(directory, account, binaries);
  if (isNew) options.log(`created a database in ${directory}`);
  const { server, port } = await startOnPort({ directory, account, binaries }, wantedPort);
  const url = `postgres://${SUPERUSER}:${password}@127.0.0.1:${port}/${DATABASE}`;
  return { url, port, pid: server.pid, exited: server.exited, stop: server.stop };
}

async function startOnPort(
  files: ServerFiles,
  wantedPort: number,
): Promise<{ readonly server: PostgresServer; readonly port: number }> {
  for (let attempt = 1; ; attempt += 1) {
    const port = wantedPort === 0 ? await findFreePort() : wantedPort;
    const outcome = await startServer(files, port);
    if (!('error' in outcome)) return { server: outcome, port };
    const mayPass = outcome.mayPass || (outcome.error.code === 'portInUse' && wantedPort === 0);
    if (!mayPass || attempt === MAX_START_ATTEMPTS) throw outcome.error;
    await delay(RETRY_DELAY_MS);
  }
}
