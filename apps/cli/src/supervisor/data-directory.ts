import { randomBytes } from 'node:crypto';
import { existsSync, linkSync, mkdirSync, readFileSync, renameSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { failure, messageOf, systemErrorCode } from '../cli-error.js';

const SECRET_BYTES = 32;
const OWNER_ONLY = 0o600;
/** Not private: under root, Postgres runs as another user and has to pass through to its own folder. */
const DIRECTORY_MODE = 0o755;

/** Where `up` keeps what belongs to one cluster on this machine. */
export type DataDirectory = {
  readonly root: string;
  readonly clusterFile: string;
  /** Pids and URLs of what runs, for scripts and for the next `up`. Absent while nothing runs. */
  readonly stateFile: string;
  readonly lockFile: string;
  readonly secretFile: string;
};

export function dataDirectory(path: string): DataDirectory {
  const root = resolve(path);
  return {
    root,
    clusterFile: join(root, 'cluster.yaml'),
    stateFile: join(root, 'cluster.json'),
    lockFile: join(root, 'up.pid'),
    secretFile: join(root, 'peer-secret'),
  };
}

export function nodeDirectory(data: DataDirectory, id: string): string {
  return join(data.root, id);
}

export function postgresDirectory(data: DataDirectory, id: string): string {
  return join(nodeDirectory(data, id), 'postgres');
}

/** There when the cluster has removed the node: it is not started any more. */
export function removedMarker(data: DataDirectory, id: string): string {
  return join(nodeDirectory(data, id), 'removed');
}

/** @throws CliError when the folder cannot be made or is a file. */
export function makeDirectory(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: DIRECTORY_MODE });
  } catch (error) {
    throw failure(`cannot make the data directory ${path}: ${messageOf(error)}`);
  }
}

/** Makes the peers' shared secret once; later starts find it. Readable by its owner only. */
export function ensurePeerSecret(data: DataDirectory): void {
  if (existsSync(data.secretFile)) return;
  createFileWhole(data.secretFile, `${randomBytes(SECRET_BYTES).toString('hex')}\n`);
}

/** Whole or not at all: a reader never sees half a file. Owner only, since database URLs carry passwords. */
export function writeFileWhole(path: string, text: string): void {
  const temporary = `${path}.${process.pid}.tmp`;
  writeFileSync(temporary, text, { mode: OWNER_ONLY });
  renameSync(temporary, path);
}

/** Creates a file with its content in one step. False when there is one already. */
export function createFileWhole(path: string, text: string): boolean {
  const temporary = `${path}.${process.pid}.tmp`;
  writeFileSync(temporary, text, { mode: OWNER_ONLY });
  try {
    linkSync(temporary, path);
    return true;
  } catch (error) {
    if (systemErrorCode(error) === 'EEXIST') return false;
    throw error;
  } finally {
    unlinkSync(temporary);
  }
}

export function readFileOrNull(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

export function removeFile(path: string): void {
  rmSync(path, { force: true });
}
