import { existsSync } from 'node:fs';
import { open, rename, rm, type FileHandle } from 'node:fs/promises';
import type { ErrorBody } from '@latchkey/contracts';
import { CliError, failure, messageOf } from '../cli-error.js';
import { ServiceError } from '../client/service-error.js';
import { checkBackupFile, syncDirectoryOf, type CheckedBackup } from './backup-file.js';

const PATH = '/v1/backup';
/** A node saves its state before it sends the first byte; afterwards a pause of this length means that it hangs. */
const MAX_PAUSE_MS = 75_000;

export type DownloadOptions = {
  readonly endpoints: readonly string[];
  readonly file: string;
  /** Whether a file that is there may be replaced. */
  readonly replaces: boolean;
  readonly signal: AbortSignal;
  readonly maxPauseMs?: number;
};

/**
 * Writes a backup of the cluster, made by the first node that can, to a file. The file has its name only once it is whole,
 * durable, and was read again: a download that breaks off leaves nothing.
 * @throws CliError, ServiceError
 */
export async function downloadBackup(options: DownloadOptions): Promise<CheckedBackup> {
  const { file, replaces } = options;
  if (!replaces && existsSync(file)) throw failure(`${file} exists already; give another name, or --force`);
  const partial = `${file}.partial`;
  try {
    await fetchFromAny(options, partial);
    const checked = await checkBackupFile(partial);
    options.signal.throwIfAborted();
    await rename(partial, file);
    await syncDirectoryOf(file);
    return checked;
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
}

async function fetchFromAny(options: DownloadOptions, partial: string): Promise<void> {
  let last: ServiceError | null = null;
  for (const endpoint of options.endpoints) {
    try {
      return await fetchFrom(endpoint, options, partial);
    } catch (error) {
      if (options.signal.aborted || !(error instanceof ServiceError) || error.retry === 'never') throw error;
      last = error;
    }
  }
  throw last ?? unavailable('no endpoint');
}

async function fetchFrom(
  endpoint: string,
  { signal, maxPauseMs = MAX_PAUSE_MS }: DownloadOptions,
  partial: string,
): Promise<void> {
  const pause = new AbortController();
  const onPause = (): void => pause.abort(new Error(`nothing came for ${maxPauseMs / 1_000} s`));
  const timer = setTimeout(onPause, maxPauseMs);
  const broken = (error: unknown): Error => {
    if (error instanceof CliError || signal.aborted) return failure(messageOf(error));
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    return unavailable(`no backup from ${endpoint}: ${messageOf(cause)}`);
  };
  try {
    const response = await fetch(`${endpoint}${PATH}`, { signal: AbortSignal.any([signal, pause.signal]) });
    if (!response.ok || response.body === null) throw await refusalOf(endpoint, response);
    await writeFile(partial, response.body, () => timer.refresh());
  } catch (error) {
    throw error instanceof ServiceError ? error : broken(error);
  } finally {
    clearTimeout(timer);
  }
}

/** Durable when it resolves. */
async function writeFile(path: string, chunks: AsyncIterable<Uint8Array>, onChunk: () => void): Promise<void> {
  const handle = await openForOwner(path);
  try {
    for await (const chunk of chunks) {
      onChunk();
      await writeAll(handle, chunk, path);
    }
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Its owner only: a backup holds everything that the cluster holds. */
async function openForOwner(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'w', 0o600);
  } catch (error) {
    throw failure(`cannot write ${path}: ${messageOf(error)}`);
  }
}

async function writeAll(handle: FileHandle, chunk: Uint8Array, path: string): Promise<void> {
  try {
    // Unlike `write`, all of it; at the handle's position.
    await handle.writeFile(chunk);
  } catch (error) {
    throw failure(`cannot write ${path}: ${messageOf(error)}`);
  }
}

async function refusalOf(endpoint: string, response: Response): Promise<ServiceError> {
  const answer: unknown = await response.json().catch(() => null);
  if (typeof answer === 'object' && answer !== null && 'code' in answer) {
    // The node's own error body; a proxy's would lack the code.
    return new ServiceError(answer as ErrorBody);
  }
  return unavailable(`no backup from ${endpoint}: it answered ${response.status}`);
}

const unavailable = (message: string): ServiceError =>
  new ServiceError({ code: 'UNAVAILABLE', message, retry: 'safe', details: {} });
