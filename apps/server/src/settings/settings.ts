import type { NodeId } from '@latchkey/raft';

export const SETTINGS = Symbol('NodeSettings');

export const STORAGE_KINDS = ['postgres', 'memory'] as const;
export type StorageKind = (typeof STORAGE_KINDS)[number];

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
/** `byPart` wins over `general`. */
export type LogLevels = { readonly general: LogLevel; readonly byPart: ReadonlyMap<string, LogLevel> };

/** What one node is told at its start; see INTERFACE.md. Checked: what is here can be used as it is. */
export type NodeSettings = {
  readonly nodeId: NodeId;
  readonly clusterId: string;
  /** The cluster's first members and their peer URLs, this one too; for a node that joins: members, and itself. */
  readonly peers: ReadonlyMap<NodeId, string>;
  /** Not one of the first members: begins without any, and waits until the cluster adds it. */
  readonly join: boolean;
  readonly clientHost: string;
  readonly clientPort: number;
  readonly peerHost: string;
  readonly peerPort: number;
  readonly storage: StorageKind;
  /** Empty with memory storage. */
  readonly databaseUrl: string;
  /** Empty for a cluster of one that shall stay so. */
  readonly peerSecret: string;
  readonly heartbeatMs: number;
  readonly electionTimeoutMs: number;
  /** A checkpoint of the applied state is saved after so many log entries. */
  readonly snapshotEntries: number;
  /** Revisions of history that are kept; 0 = all. */
  readonly historyRevisions: number;
  /** Older history is not kept; 0 = however old. */
  readonly historyMaxAgeMs: number;
  /** Values of versions that are not current: more of them than this are read from the database. */
  readonly historyMemoryBytes: number;
  /** The database is looked at for damage this long after the last look has ended; 0 = never. */
  readonly verifyIntervalMs: number;
  readonly maxValueBytes: number;
  readonly logLevels: LogLevels;
};
