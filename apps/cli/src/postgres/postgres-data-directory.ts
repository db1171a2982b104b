import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chown, mkdir, mkdtemp, open, readdir, readFile, realpath, rename, rm } from 'node:fs/promises';
import { platform } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { identityOf } from '../supervisor/process-identity.js';
import { EmbeddedPostgresError, fileSystemFailure } from './embedded-postgres-error.js';
import { isReachableBy, type PostgresAccount } from './postgres-account.js';
import type { PostgresBinaries } from './postgres-binaries.js';
import { CLIENT_AUTHENTICATION, serverSettings, SUPERUSER } from './postgres-settings.js';

/** Our own files beside those of Postgres. */
const PASSWORD_FILE = 'latchkey.password';
const OWNER_ONLY = 0o600;
const OWNER_ONLY_DIRECTORY = 0o700;
const PASSWORD_BYTES = 24;
const UNFINISHED = '.initdb-';
const MAX_INITDB_OUTPUT_BYTES = 1024 * 1024;

/** How to name the directory to a Postgres program: as its argument, with this working directory. */
export type NamedDirectory = { readonly argument: string; readonly workingDirectory: string };

/**
 * Usually its path. When the account may not pass through a parent (a checkout below /root), the program is started
 * inside the directory instead and told the one name by which it can always reach it. Nobody's modes are changed.
 * @throws EmbeddedPostgresError permission
 */
export async function nameFor(directory: string, account: PostgresAccount | null): Promise<NamedDirectory> {
  const path = await realpath(directory);
  if (await isReachableBy(path, account)) return { argument: path, workingDirectory: path };
  if (platform() === 'linux') return { argument: '/proc/self/cwd', workingDirectory: path };
  const message = `the account that Postgres runs as (uid ${String(account?.uid)}) cannot reach ${path}`;
  throw new EmbeddedPostgresError('permission', message);
}

/**
 * Makes a new data directory, or checks the one that is there.
 * @returns the superuser's password
 * @throws EmbeddedPostgresError
 */
export async function prepareDataDirectory(
  directory: string,
  account: PostgresAccount | null,
  binaries: PostgresBinaries,
): Promise<{ readonly password: string; readonly isNew: boolean }> {
  const content = await readdir(directory).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw fileSystemFailure(error, directory);
  });
  if (content.length === 0) {
    return { password: await createDataDirectory(directory, account, binaries), isNew: true };
  }
  const version = await readFile(join(directory, 'PG_VERSION'), 'utf8').catch(() => null);
  const password = await readFile(join(directory, PASSWORD_FILE), 'utf8').catch(() => null);
  if (version === null || password === null) {
    const message = `${directory} is not empty, and is no data directory that Latchkey made and may read`;
    throw new EmbeddedPostgresError('notADataDirectory', message);
  }
  if (version.trim() !== String(binaries.majorVersion)) {
    const message = `${directory} was written by Postgres ${version.trim()}; this is Postgres ${binaries.majorVersion}`;
    throw new EmbeddedPostgresError('otherVersion', message);
  }
  return { password: password.trim(), isNew: false };
}

/** The settings of this start. Postgres reads them when it starts. */
export async function writeSettings(directory: string, port: number): Promise<void> {
  await writeFileWhole(join(directory, 'postgresql.conf'), serverSettings(port), 0o644);
  await writeFileWhole(join(directory, 'pg_hba.conf'), CLIENT_AUTHENTICATION, 0o644);
}

/**
 * initdb runs in a folder beside the final one, which is renamed when all is done and synced: a start that was killed,
 * or a machine that lost power, never leaves half a database.
 */
async function createDataDirectory(
  directory: string,
  account: PostgresAccount | null,
  binaries: PostgresBinaries,
): Promise<string> {
  const password = randomBytes(PASSWORD_BYTES).toString('hex');
  let unfinished: string | null = null;
  try {
    await mkdir(dirname(directory), { recursive: true });
    await removeUnfinished(directory);
    unfinished = await mkdtemp(`${directory}${UNFINISHED}${process.pid}-`);
    const made = join(unfinished, 'data');
    await mkdir(made, { mode: OWNER_ONLY_DIRECTORY });
    await writeFileWhole(join(unfinished, 'password'), password, OWNER_ONLY);
    await giveTo(account, unfinished, made, join(unfinished, 'password'));
    await initdb(made, account, binaries);
    await writeFileWhole(join(made, PASSWORD_FILE), `${password}\n`, OWNER_ONLY);
    await rename(made, directory);
    await syncDirectory(dirname(directory));
    return password;
  } catch (error) {
    throw error instanceof EmbeddedPostgresError ? error : fileSystemFailure(error, directory);
  } finally {
    if (unfinished !== null) await rm(unfinished, { recursive: true, force: true });
  }
}

/** The password lies in a file beside the directory, where the account can reach it whatever is above. */
async function initdb(directory: string, account: PostgresAccount | null, binaries: PostgresBinaries): Promise<void> {
  const { argument, workingDirectory } = await nameFor(directory, account);
  const options = ['--encoding=UTF8', '--locale=C', '--auth=scram-sha-256', `--username=${SUPERUSER}`];
  try {
    await promisify(execFile)(
      binaries.initdb,
      ['-D', argument, ...options, `--pwfile=${argument}/../password`, '--no-instructions'],
      { cwd: workingDirectory, env: serverEnvironment(), maxBuffer: MAX_INITDB_OUTPUT_BYTES, ...account },
    );
  } catch (error) {
    throw initdbFailure(error, directory);
  }
}

async function giveTo(account: PostgresAccount | null, ...paths: readonly string[]): Promise<void> {
  if (account === null) return;
  for (const path of paths) await chown(path, account.uid, account.gid);
}

function initdbFailure(error: unknown, directory: string): EmbeddedPostgresError {
  if (error instanceof EmbeddedPostgresError) return error;
  const output = error instanceof Error && 'stderr' in error ? String(error.stderr) : '';
  const reason = output.split('\n').find((line) => /error|FATAL/i.test(line)) ?? String(error).split('\n')[0];
  const code = /No space left/.test(output)
    ? 'diskFull'
    : /Permission denied/.test(output)
      ? 'permission'
      : 'startFailed';
  return new EmbeddedPostgresError(code, `cannot create a database in ${dirname(dirname(directory))}: ${reason}`, {
    cause: error,
  });
}

/** What starts that were killed during initdb left behind; a living one's folder stays. */
async function removeUnfinished(directory: string): Promise<void> {
  const prefix = `${basename(directory)}${UNFINISHED}`;
  for (const name of await readdir(dirname(directory))) {
    if (!name.startsWith(prefix)) continue;
    const pid = Number.parseInt(name.slice(prefix.length), 10);
    if (Number.isInteger(pid) && identityOf(pid) !== null) continue;
    await rm(join(dirname(directory), name), { recursive: true, force: true });
  }
}

/** Only what a server needs: PG… variables meant for the user's own Postgres must not reach ours. */
export function serverEnvironment(): NodeJS.ProcessEnv {
  if (platform() === 'win32') return process.env;
  return { PATH: process.env['PATH'], LC_ALL: 'C' };
}

/**
 * A reader sees the old file or the new one, also after a power loss. Never writes through a link that the server's
 * account might have put into its directory.
 */
export async function writeFileWhole(path: string, text: string, mode: number): Promise<void> {
  const temporary = `${path}.${randomBytes(4).toString('hex')}`;
  const file = await open(temporary, 'wx', mode);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
  await syncDirectory(dirname(path));
}

/** Windows cannot, and need not. */
async function syncDirectory(path: string): Promise<void> {
  if (platform() === 'win32') return;
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
