import { IsIn, IsInt, IsString, Matches, Max, Min } from 'class-validator';
import { MAX_VALUE_BYTES } from '@latchkey/contracts';
import { STORAGE_KINDS } from './settings.js';

const MAX_PORT = 65_535;
/** Apart from its own values a node keeps at least this much history, or a watch would be cut off by the next write. */
const MIN_HISTORY_REVISIONS = 0;
/** A hundred days. A timer of Node can wait for 24, and there are several per age. */
const MAX_HISTORY_AGE_MS = 8_640_000_000;

/** A day. */
const MAX_VERIFY_INTERVAL_MS = 86_400_000;

/** The node's environment, variable by variable, with the defaults. Checked by class-validator. */
export class Environment {
  @Matches(/^[A-Za-z0-9_.-]{1,64}$/, { message: 'must be 1 to 64 letters, digits, dots, dashes or underscores' })
  LATCHKEY_NODE_ID = 'n1';

  @Matches(/^[A-Za-z0-9_.-]{1,64}$/, { message: 'must be 1 to 64 letters, digits, dots, dashes or underscores' })
  LATCHKEY_CLUSTER_ID = 'latchkey';

  @IsString()
  LATCHKEY_PEERS = '';

  /** A new node of a cluster that exists: `LATCHKEY_PEERS` then names members to connect to, and itself. */
  @IsIn(['true', 'false'], { message: 'must be true or false' })
  LATCHKEY_JOIN = 'false';

  @Matches(/^\S{1,255}$/, { message: 'must be a host name or an address' })
  LATCHKEY_CLIENT_HOST = '127.0.0.1';

  @IsInt({ message: 'must be an integer' })
  @Min(0, { message: 'must be a port: 0 to 65535' })
  @Max(MAX_PORT, { message: 'must be a port: 0 to 65535' })
  LATCHKEY_CLIENT_PORT = 7301;

  @Matches(/^\S{1,255}$/, { message: 'must be a host name or an address' })
  LATCHKEY_PEER_HOST = '127.0.0.1';

  @IsInt({ message: 'must be an integer' })
  @Min(0, { message: 'must be a port: 0 to 65535' })
  @Max(MAX_PORT, { message: 'must be a port: 0 to 65535' })
  LATCHKEY_PEER_PORT = 7401;

  @IsIn(STORAGE_KINDS, { message: 'must be postgres or memory' })
  LATCHKEY_STORAGE: string = 'postgres';

  @Matches(/^$|^postgres(ql)?:\/\/\S+$/, {
    message: 'must be a URL such as postgres://user:password@host:5432/database',
  })
  LATCHKEY_DATABASE_URL = '';

  @Matches(/^$|^.{16,1024}$/, { message: 'must have 16 to 1024 characters on one line' })
  LATCHKEY_PEER_SECRET = '';

  @IsInt({ message: 'must be an integer' })
  @Min(5, { message: 'must be between 5 and 60000 ms' })
  @Max(60_000, { message: 'must be between 5 and 60000 ms' })
  LATCHKEY_HEARTBEAT_MS = 150;

  @IsInt({ message: 'must be an integer' })
  @Min(20, { message: 'must be between 20 and 600000 ms' })
  @Max(600_000, { message: 'must be between 20 and 600000 ms' })
  LATCHKEY_ELECTION_TIMEOUT_MS = 600;

  /**
   * Log entries between two checkpoints. A restart replays up to so many, which takes a fraction of a second; a checkpoint
   * writes the rows that changed, so that a short interval costs little more than a long one. Only what is written again
   * and again (a lease, one hot key) is saved once per checkpoint instead of once in many.
   */
  @IsInt({ message: 'must be an integer' })
  @Min(1, { message: 'must be 1 or more' })
  LATCHKEY_SNAPSHOT_ENTRIES = 10_000;

  @IsInt({ message: 'must be an integer' })
  @Min(MIN_HISTORY_REVISIONS, { message: 'must be 0 (keep all) or more' })
  LATCHKEY_HISTORY_REVISIONS = 100_000;

  /** A day: what a watch or a reader of old revisions can fall behind. */
  @IsInt({ message: 'must be an integer' })
  @Min(0, { message: `must be 0 (however old) or up to ${MAX_HISTORY_AGE_MS} ms` })
  @Max(MAX_HISTORY_AGE_MS, { message: `must be 0 (however old) or up to ${MAX_HISTORY_AGE_MS} ms` })
  LATCHKEY_HISTORY_MAX_AGE_MS = 86_400_000;

  /** Values of old versions; those beyond are read from the database. */
  @IsInt({ message: 'must be an integer' })
  @Min(0, { message: 'must be 0 (as few as possible) or more bytes' })
  LATCHKEY_HISTORY_MEMORY_BYTES = 67_108_864;

  /** A small database is read through within a second or two of these; a large one takes as long as 2 % of the time gives. */
  @IsInt({ message: 'must be an integer' })
  @Min(0, { message: `must be 0 (never) or up to ${MAX_VERIFY_INTERVAL_MS} ms` })
  @Max(MAX_VERIFY_INTERVAL_MS, { message: `must be 0 (never) or up to ${MAX_VERIFY_INTERVAL_MS} ms` })
  LATCHKEY_VERIFY_INTERVAL_MS = 30_000;

  @IsInt({ message: 'must be an integer' })
  @Min(1, { message: `must be between 1 and ${MAX_VALUE_BYTES} bytes` })
  @Max(MAX_VALUE_BYTES, { message: `must be between 1 and ${MAX_VALUE_BYTES} bytes` })
  LATCHKEY_MAX_VALUE_BYTES = MAX_VALUE_BYTES;

  @IsString()
  LATCHKEY_LOG_LEVEL = 'info';
}

export type VariableName = keyof Environment;

/** Variables whose value may stand in a file named by `<variable>_FILE`, so that it is not in the environment. */
export const SECRET_VARIABLES: readonly VariableName[] = ['LATCHKEY_PEER_SECRET', 'LATCHKEY_DATABASE_URL'];

/** Of the same family, read by the command line or handed to the commands that it runs. */
export const FOREIGN_VARIABLES: ReadonlySet<string> = new Set([
  'LATCHKEY_ENDPOINTS',
  'LATCHKEY_FENCING_TOKEN',
  'LATCHKEY_LOCK_NAME',
  'LATCHKEY_CONFIG',
  'LATCHKEY_DATA',
]);
