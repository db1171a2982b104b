import { checkBackup, BackupDamaged } from './backup-damaged.js';

/** Who took part in the cluster when the backup was made; told to people, and not used by a restore. */
export type BackupMembership = {
  readonly voters: readonly string[];
  readonly votersOutgoing: readonly string[];
  readonly learners: readonly string[];
};

/** What a backup is of. */
export type BackupHeader = {
  readonly clusterId: string;
  /** The node that made it. */
  readonly nodeId: string;
  /** Of the key space. */
  readonly revision: number;
  /** The last log entry in it, and the term of that entry. */
  readonly appliedIndex: number;
  readonly term: number;
  readonly membership: BackupMembership;
  /** By the clock of the node, ISO 8601 in UTC. */
  readonly createdAt: string;
  /** Of the program that made it. */
  readonly programVersion: string;
};

export const encodeHeader = (header: BackupHeader): Uint8Array => new TextEncoder().encode(JSON.stringify(header));

/** @throws BackupDamaged */
export function decodeHeader(bytes: Uint8Array): BackupHeader {
  const fields = objectOf(parsed(bytes), 'the header');
  const membership = objectOf(fields['membership'], 'the membership');
  return {
    clusterId: textOf(fields, 'clusterId'),
    nodeId: textOf(fields, 'nodeId'),
    revision: numberOf(fields, 'revision'),
    appliedIndex: numberOf(fields, 'appliedIndex'),
    term: numberOf(fields, 'term'),
    membership: {
      voters: textsOf(membership, 'voters'),
      votersOutgoing: textsOf(membership, 'votersOutgoing'),
      learners: textsOf(membership, 'learners'),
    },
    createdAt: textOf(fields, 'createdAt'),
    programVersion: textOf(fields, 'programVersion'),
  };
}

type Fields = Readonly<Record<string, unknown>>;

function parsed(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw new BackupDamaged('the header is not JSON', { cause: error });
  }
}

function objectOf(value: unknown, what: string): Fields {
  checkBackup(typeof value === 'object' && value !== null && !Array.isArray(value), `${what} is not an object`);
  // An object has named fields of unknown type.
  return value as Fields;
}

function textOf(fields: Fields, name: string): string {
  const value = fields[name];
  checkBackup(typeof value === 'string', `the header's ${name} is not a text`);
  return value;
}

function numberOf(fields: Fields, name: string): number {
  const value = fields[name];
  checkBackup(
    typeof value === 'number' && Number.isSafeInteger(value) && value >= 0,
    `the header's ${name} is no number`,
  );
  return value;
}

function textsOf(fields: Fields, name: string): readonly string[] {
  const value = fields[name];
  checkBackup(
    Array.isArray(value) && value.every((item) => typeof item === 'string'),
    `the header's ${name} are no texts`,
  );
  return value;
}
