export type EmbeddedPostgresErrorCode =
  /** Something else listens on the port. */
  | 'portInUse'
  /** Another Postgres, with a living owner, runs on the data directory. */
  | 'dataDirectoryInUse'
  /** The directory holds something that is not a data directory made here. */
  | 'notADataDirectory'
  /** The data was written by another major version of Postgres. */
  | 'otherVersion'
  /** A file or directory cannot be written or reached. */
  | 'permission'
  | 'diskFull'
  /** There are no Postgres binaries for this machine, or they do not run here. */
  | 'noBinaries'
  | 'startFailed';

/** Why the embedded Postgres did not start, in one line for a person. */
export class EmbeddedPostgresError extends Error {
  override readonly name = 'EmbeddedPostgresError';

  constructor(
    readonly code: EmbeddedPostgresErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** Turns what the file system says about `path` into one of ours. */
export function fileSystemFailure(error: unknown, path: string): EmbeddedPostgresError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new EmbeddedPostgresError('diskFull', `no space left for ${path}`, { cause: error });
  }
  return new EmbeddedPostgresError('permission', `cannot use ${path} (${code})`, { cause: error });
}
