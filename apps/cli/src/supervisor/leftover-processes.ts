import { readdirSync } from 'node:fs';
import { failure } from '../cli-error.js';
import { releaseDataDirectory } from '../postgres/postmaster.js';
import { recordedNodeProcesses } from './cluster-state.js';
import { postgresDirectory, type DataDirectory } from './data-directory.js';
import { isRunning, stopProcess } from './process-identity.js';

const NODE_GRACE_MS = 5_000;

/**
 * Stops what an `up` that was killed left running on this directory: nodes first, then their databases.
 * The caller holds the directory's instance lock, so nothing found here belongs to a living `up`.
 * @returns how many processes were stopped
 * @throws CliError when one does not end
 */
export async function stopLeftovers(data: DataDirectory): Promise<number> {
  const nodes = recordedNodeProcesses(data).filter(isRunning);
  const steps = { first: 'SIGTERM', graceMs: NODE_GRACE_MS, last: 'SIGKILL' } as const;
  const ended = await Promise.all(nodes.map((identity) => stopProcess(identity, steps)));
  const survivor = nodes[ended.indexOf(false)];
  if (survivor !== undefined) throw failure(`process ${survivor.pid} of an earlier run does not stop`);
  // A database knows its directory by itself, also one whose start the state file had not yet seen.
  const databases = await Promise.all(
    subdirectories(data.root).map((id) => releaseDataDirectory(postgresDirectory(data, id))),
  );
  return nodes.length + databases.filter((pid) => pid !== null).length;
}

function subdirectories(path: string): readonly string[] {
  return readdirSync(path, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name);
}
