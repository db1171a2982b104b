import { execFile } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { EmbeddedPostgresError } from './embedded-postgres-error.js';

const run = promisify(execFile);

/** The user that the server runs as when we are root, which Postgres refuses to be. */
export type PostgresAccount = { readonly uid: number; readonly gid: number };

/** Tried in this order. `nobody` exists everywhere. */
const ACCOUNT_NAMES = ['postgres', 'nobody'];

/**
 * Whom the server must run as. Null: as ourselves. Data that exists keeps its owner, so that a start as root after
 * starts as an ordinary user does not take the data away from that user.
 * @throws EmbeddedPostgresError permission
 */
export async function accountFor(dataDirectory: string): Promise<PostgresAccount | null> {
  if (process.getuid?.() !== 0) return null;
  const owner = await stat(dataDirectory).catch(() => null);
  if (owner !== null && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid };
  for (const name of ACCOUNT_NAMES) {
    const account = await accountByName(name);
    if (account !== null) return account;
  }
  throw new EmbeddedPostgresError(
    'permission',
    `Postgres does not run as root, and there is no account ${ACCOUNT_NAMES.join(' or ')} to run it as`,
  );
}

/** Asks `id` instead of reading /etc/passwd: accounts may live in a directory service. */
async function accountByName(name: string): Promise<PostgresAccount | null> {
  try {
    const [uid, gid] = await Promise.all([run('id', ['-u', name]), run('id', ['-g', name])]);
    return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
  } catch {
    return null;
  }
}

/** Whether the account may pass through every directory down to `path` and enter (or run) `path` itself, by mode bits. */
export async function isReachableBy(path: string, account: PostgresAccount | null): Promise<boolean> {
  if (account === null) return true;
  for (let current = path; ; current = dirname(current)) {
    const { mode, uid, gid } = await stat(current);
    const execute = uid === account.uid ? 0o100 : gid === account.gid ? 0o010 : 0o001;
    if ((mode & execute) === 0) return false;
    if (dirname(current) === current) return true;
  }
}
