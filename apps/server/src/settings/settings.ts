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
  /** Every node of the cluster and its peer URL, this one too. */
  readonly peers: ReadonlyMap<NodeId, string>;
  readonly clientHost: string;
  readonly clientPort: number;
  readonly peerHost: string;
  readonly peerPort: number;
  readonly storage: StorageKind;
  /** Empty with memory storage. */
  readonly databaseUrl: string;
  /** Empty for a cluster of one. */
  readonly peerSecret: string;
  readonly heartbeatMs: number;
  readonly electionTimeoutMs: number;
  readonly snapshotEntries: number;
  /** Revisions of history that are kept; 0 = all. */
  readonly historyRevisions: number;
  readonly maxValueBytes: number;
  readonly logLevels: LogLevels;
};
