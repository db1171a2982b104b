import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { BackupDamaged, verifyBackup, type BackupHeader, type BackupSummary } from '@latchkey/backup';
import { failure, messageOf, systemErrorCode, usageError } from '../cli-error.js';

/** A backup that was read from its first byte to its last, and is as it was written. */
export type CheckedBackup = BackupSummary & { readonly header: BackupHeader };

/** @throws CliError when the file is not there, is no backup, or is damaged */
export async function checkBackupFile(path: string): Promise<CheckedBackup> {
  try {
    return await verifyBackup(createReadStream(path));
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') throw usageError(`there is no file ${path}`);
    if (error instanceof BackupDamaged) throw failure(`${path} is damaged: ${messageOf(error)}`);
    throw failure(`cannot read ${path}: ${messageOf(error)}`);
  }
}

/** A name in a directory is durable once the directory is. Not every system lets a directory be opened. */
export async function syncDirectoryOf(path: string): Promise<void> {
  const directory = await open(dirname(path), 'r').catch(() => null);
  await directory?.sync().catch(() => undefined);
  await directory?.close();
}

/** The fields of `--json`. */
export function backupJson(path: string, { header, rowCount, byteCount, digest }: CheckedBackup): object {
  return { file: path, bytes: byteCount, rows: rowCount, sha256: digest, ...header };
}

/** In one line, for a person. */
export function backupLine(path: string, { header, rowCount, byteCount }: CheckedBackup): string {
  const { clusterId, nodeId, revision, createdAt } = header;
  return (
    `${path}: ${sizeText(byteCount)}, ${rowCount} rows, revision ${revision} of cluster ${clusterId}, ` +
    `made by ${nodeId} at ${createdAt}`
  );
}

const UNITS = ['KiB', 'MiB', 'GiB', 'TiB'] as const;
const UNIT_STEP = 1024;

/** `12.3 MiB`. */
export function sizeText(byteCount: number): string {
  let size = byteCount;
  let unit = 'bytes';
  for (const larger of UNITS) {
    if (size < UNIT_STEP) break;
    size /= UNIT_STEP;
    unit = larger;
  }
  return unit === 'bytes' ? `${size} bytes` : `${size.toFixed(1)} ${unit}`;
}
