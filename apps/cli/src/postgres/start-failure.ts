import { EmbeddedPostgresError, type EmbeddedPostgresErrorCode } from './embedded-postgres-error.js';

/** A start that failed; `mayPass` says that the same start may work a moment later. */
export type StartFailure = { readonly error: EmbeddedPostgresError; readonly mayPass: boolean };

type Symptom = {
  readonly pattern: RegExp;
  readonly code: EmbeddedPostgresErrorCode;
  readonly message: (place: StartPlace) => string;
  readonly mayPass: boolean;
};

export type StartPlace = { readonly directory: string; readonly port: number; readonly logFile: string };

/** In the order in which they are looked for: the first that fits names the cause, later lines its consequences. */
const SYMPTOMS: readonly Symptom[] = [
  {
    pattern: /pre-existing shared memory block/,
    code: 'dataDirectoryInUse',
    message: ({ directory }) => `processes of a killed Postgres still use ${directory}`,
    mayPass: true,
  },
  {
    pattern: /lock file "postmaster.pid" already exists/,
    code: 'dataDirectoryInUse',
    message: ({ directory }) => `another Postgres is starting on ${directory}`,
    mayPass: false,
  },
  {
    pattern: /could not bind|could not create any TCP\/IP sockets/,
    code: 'portInUse',
    message: ({ port }) => `port ${port} is in use; Postgres needs it`,
    mayPass: false,
  },
  {
    pattern: /not compatible with this version|incompatible with server/,
    code: 'otherVersion',
    message: ({ directory }) => `${directory} was written by another version of Postgres`,
    mayPass: false,
  },
  {
    pattern: /No space left on device|Disk quota exceeded/,
    code: 'diskFull',
    message: ({ directory }) => `no space left for ${directory}`,
    mayPass: false,
  },
  {
    pattern: /error while loading shared libraries: .*/,
    code: 'noBinaries',
    message: ({ logFile }) => `the embedded Postgres does not run on this machine, see ${logFile}`,
    mayPass: false,
  },
  {
    pattern: /Permission denied|invalid permissions|wrong ownership/,
    code: 'permission',
    message: ({ directory, logFile }) => `Postgres may not use ${directory}, see ${logFile}`,
    mayPass: false,
  },
];

/** Says in one line why the server did not start, from what it wrote to its log. */
export function startFailure(log: string, place: StartPlace): StartFailure {
  const symptom = SYMPTOMS.find(({ pattern }) => pattern.test(log));
  if (symptom !== undefined) {
    return { error: new EmbeddedPostgresError(symptom.code, symptom.message(place)), mayPass: symptom.mayPass };
  }
  const lines = log.split('\n').filter((line) => line.trim() !== '');
  const reason = lines.find((line) => /(FATAL|PANIC):/.test(line)) ?? lines.at(-1) ?? 'it wrote nothing';
  const message = `Postgres did not start on ${place.directory}: ${reason.replace(/^.*?(FATAL|PANIC): +/, '')}`;
  return { error: new EmbeddedPostgresError('startFailed', message), mayPass: false };
}
