import { readFile, readlink, realpath, unlink } from 'node:fs/promises';
import { platform } from 'node:os';
import { join } from 'node:path';
import { identityOf, isRunning, stopProcess, type ProcessIdentity } from '../supervisor/process-identity.js';
import { EmbeddedPostgresError } from './embedded-postgres-error.js';
import { writeFileWhole } from './postgres-data-directory.js';

/** Which of our processes started the server; read by the next start. */
const OWNER_FILE = 'latchkey.owner';
const PID_FILE = 'postmaster.pid';
/** Lines of postmaster.pid that matter; see Postgres's pidfile.h. */
const PID_LINE = 0;
const STATUS_LINE = 7;
const STOP_GRACE_MS = 15_000;

export type PostmasterState = { readonly pid: number; readonly isReady: boolean };

/** What postmaster.pid says. Null when there is none or it is being written. */
export async function postmasterState(directory: string): Promise<PostmasterState | null> {
  const text = await readFile(join(directory, PID_FILE), 'utf8').catch(() => null);
  const lines = text?.split('\n') ?? [];
  const pid = Number(lines[PID_LINE]);
  if (!Number.isInteger(pid) || pid <= 1) return null;
  return { pid, isReady: lines[STATUS_LINE]?.trim() === 'ready' };
}

export async function recordOwner(directory: string): Promise<void> {
  await writeFileWhole(join(directory, OWNER_FILE), JSON.stringify(identityOf(process.pid)), 0o600);
}

/**
 * Makes the directory free for a new server: one that an earlier, killed owner left running is stopped.
 * @returns the pid of the server that was stopped, or null
 * @throws EmbeddedPostgresError dataDirectoryInUse when the owner lives
 */
export async function releaseDataDirectory(directory: string): Promise<number | null> {
  const state = await postmasterState(directory);
  const server = state === null ? null : identityOf(state.pid);
  if (server === null) return null;
  if (!(await isServerOf(server.pid, directory))) {
    // The pid of a server that is long gone was given to a stranger. Postgres itself would refuse to start when that
    // one belongs to the same user, as after the restart of a container, where the same few pids come again.
    await unlink(join(directory, PID_FILE));
    return null;
  }
  const owner = await readOwner(directory);
  if (owner === null || isRunning(owner)) {
    const by = owner === null ? 'which Latchkey did not start' : `started by process ${owner.pid}`;
    throw new EmbeddedPostgresError('dataDirectoryInUse', `${directory} is in use by Postgres ${server.pid}, ${by}`);
  }
  if (!(await stopProcess(server, { first: 'SIGINT', graceMs: STOP_GRACE_MS, last: 'SIGQUIT' }))) {
    throw new EmbeddedPostgresError('dataDirectoryInUse', `Postgres ${server.pid} of an earlier run does not stop`);
  }
  return server.pid;
}

/** A server's working directory is its data directory. Where that cannot be asked the pid file is believed. */
async function isServerOf(pid: number, directory: string): Promise<boolean> {
  if (platform() !== 'linux') return true;
  const workingDirectory = await readlink(`/proc/${pid}/cwd`).catch(() => null);
  return workingDirectory === (await realpath(directory));
}

async function readOwner(directory: string): Promise<ProcessIdentity | null> {
  try {
    const value: unknown = JSON.parse(await readFile(join(directory, OWNER_FILE), 'utf8'));
    if (typeof value !== 'object' || value === null || !('pid' in value) || !('startTime' in value)) return null;
    return { pid: Number(value.pid), startTime: String(value.startTime) };
  } catch {
    return null;
  }
}
