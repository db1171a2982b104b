import { renameSync } from 'node:fs';
import { failure } from '../cli-error.js';
import { createFileWhole, readFileOrNull, removeFile, type DataDirectory } from './data-directory.js';
import { identityOf, isRunning, type ProcessIdentity } from './process-identity.js';

/** Taking over a file that a killed `up` left behind may lose a race against another new one; then look again. */
const MAX_ATTEMPTS = 5;

/** Held while an `up` runs on a data directory, so that a second one there cannot start. */
export type InstanceLock = { release(): void };

/** @throws CliError when another `up` runs on the directory. */
export function acquireInstanceLock(data: DataDirectory): InstanceLock {
  const own = JSON.stringify(identityOf(process.pid));
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    if (createFileWhole(data.lockFile, own)) return { release: () => releaseOwn(data, own) };
    const found = readFileOrNull(data.lockFile);
    if (found === null) continue;
    const holder = parseIdentity(found);
    if (holder !== null && isRunning(holder)) {
      throw failure(`another "latchkey up" (pid ${holder.pid}) already runs on ${data.root}`);
    }
    takeAway(data, found);
  }
  throw failure(`several "latchkey up" are starting on ${data.root} at once; start it again`);
}

function releaseOwn(data: DataDirectory, own: string): void {
  if (readFileOrNull(data.lockFile) === own) removeFile(data.lockFile);
}

/** Moves the stale file out of the way; if a faster one has replaced it meanwhile, gives that back. */
function takeAway(data: DataDirectory, stale: string): void {
  const aside = `${data.lockFile}.${process.pid}.stale`;
  try {
    renameSync(data.lockFile, aside);
  } catch {
    return;
  }
  const moved = readFileOrNull(aside);
  if (moved !== null && moved !== stale) createFileWhole(data.lockFile, moved);
  removeFile(aside);
}

/** Null for anything that is not an identity, such as a file cut short by a full disk. */
export function parseIdentity(text: string): ProcessIdentity | null {
  try {
    return identityFrom(JSON.parse(text));
  } catch {
    return null;
  }
}

export function identityFrom(value: unknown): ProcessIdentity | null {
  if (typeof value !== 'object' || value === null || !('pid' in value) || !('startTime' in value)) return null;
  const { pid, startTime } = value;
  if (typeof pid !== 'number' || !Number.isInteger(pid) || pid <= 0 || typeof startTime !== 'string') return null;
  return { pid, startTime };
}
