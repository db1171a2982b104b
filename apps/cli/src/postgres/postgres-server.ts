import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { constants } from 'node:fs';
import { type FileHandle, open, readFile, rename, stat } from 'node:fs/promises';
import { platform } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { EmbeddedPostgresError, fileSystemFailure } from './embedded-postgres-error.js';
import { watchOverOrphan } from './orphan-watch.js';
import type { PostgresAccount } from './postgres-account.js';
import type { PostgresBinaries } from './postgres-binaries.js';
import { nameFor, serverEnvironment, writeSettings } from './postgres-data-directory.js';
import { postmasterState, recordOwner } from './postmaster.js';
import { startFailure, type StartFailure } from './start-failure.js';

/** Recovery after a crash replays at most max_wal_size; more than this is no recovery. */
const START_TIMEOUT_MS = 120_000;
const POLL_MS = 10;
const STOP_GRACE_MS = 30_000;
const LOG_FILE = 'postgres.log';
const MAX_LOG_BYTES = 8 * 1024 * 1024;

/** What a server is started from. */
export type ServerFiles = {
  readonly directory: string;
  readonly account: PostgresAccount | null;
  readonly binaries: PostgresBinaries;
};

/** One running postmaster. */
export type PostgresServer = {
  readonly pid: number;
  /** Resolves when the process has ended, for whatever reason. */
  readonly exited: Promise<void>;
  readonly stop: () => Promise<void>;
};

/** Starts the server and waits until it takes connections. */
export async function startServer(files: ServerFiles, port: number): Promise<PostgresServer | StartFailure> {
  const { directory } = files;
  const logFile = join(directory, LOG_FILE);
  try {
    await writeSettings(directory, port);
    await recordOwner(directory);
  } catch (error) {
    throw fileSystemFailure(error, directory);
  }
  const logStart = await rotatedLogBytes(logFile);
  const child = await spawnServer(files, logFile);
  const pid = child.pid;
  if (pid === undefined) throw new EmbeddedPostgresError('noBinaries', `cannot run ${files.binaries.postgres}`);
  const exited = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
  });
  const endWatch = watchOverOrphan(pid, files.account);
  void exited.then(endWatch);
  const stop = () => stopServer(child, exited, files);
  if (await isReadyInTime(directory, child)) {
    // From here on the server keeps nobody from ending; its owner does that by `stop`.
    child.unref();
    return { pid, exited, stop };
  }
  await stop();
  const log = (await readFile(logFile)).subarray(logStart).toString('utf8');
  return startFailure(log, { directory, port, logFile });
}

/** Its own session: Ctrl-C at a terminal must reach us alone, and we stop the server when nobody needs it any more. */
async function spawnServer({ directory, account, binaries }: ServerFiles, logFile: string): Promise<ChildProcess> {
  const { argument, workingDirectory } = await nameFor(directory, account);
  // Straight into a file, not through us: the server must be able to log when we are dead. Never through a link.
  const log = await openLog(logFile, account);
  try {
    const child = spawn(binaries.postgres, ['-D', argument], {
      cwd: workingDirectory,
      detached: true,
      env: serverEnvironment(),
      stdio: ['ignore', log.fd, log.fd],
      ...account,
    });
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', reject);
    });
    return child;
  } catch (error) {
    throw new EmbeddedPostgresError('noBinaries', `cannot run ${binaries.postgres}: ${String(error)}`, {
      cause: error,
    });
  } finally {
    await log.close();
  }
}

async function openLog(path: string, account: PostgresAccount | null): Promise<FileHandle> {
  const noFollow = platform() === 'win32' ? 0 : constants.O_NOFOLLOW;
  try {
    const log = await open(path, constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND | noFollow, 0o600);
    if (account !== null) await log.chown(account.uid, account.gid);
    return log;
  } catch (error) {
    throw fileSystemFailure(error, path);
  }
}

async function isReadyInTime(directory: string, child: ChildProcess): Promise<boolean> {
  const deadline = performance.now() + START_TIMEOUT_MS;
  while (hasNotEnded(child) && performance.now() < deadline) {
    const state = await postmasterState(directory);
    // On Windows a launcher process lies between.
    if (state?.isReady === true && (state.pid === child.pid || platform() === 'win32')) return true;
    await delay(POLL_MS);
  }
  return false;
}

function hasNotEnded(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null;
}

async function stopServer(
  child: ChildProcess,
  exited: Promise<void>,
  { binaries, directory }: ServerFiles,
): Promise<void> {
  if (!hasNotEnded(child)) return;
  const timeout = new AbortController();
  child.ref();
  if (platform() === 'win32') {
    await promisify(execFile)(binaries.pgCtl, ['stop', '-m', 'fast', '-D', directory]).catch(() => child.kill());
  } else {
    child.kill('SIGINT');
  }
  const late = delay(STOP_GRACE_MS, 'late', { signal: timeout.signal }).catch(() => 'ended');
  if ((await Promise.race([exited, late])) === 'late') {
    // Immediate shutdown: takes the server's processes along; what was committed is recovered from the WAL.
    child.kill('SIGQUIT');
    await exited;
  }
  timeout.abort();
}

/** Sets a log aside that has grown too long (one older is kept). @returns where this start's lines will begin */
async function rotatedLogBytes(logFile: string): Promise<number> {
  const size = await stat(logFile).then(
    (found) => found.size,
    () => 0,
  );
  if (size <= MAX_LOG_BYTES) return size;
  await rename(logFile, `${logFile}.1`);
  return 0;
}
