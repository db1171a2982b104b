import type { StorageKind } from '../cluster/cluster-description.js';
import { readFileOrNull, removeFile, writeFileWhole, type DataDirectory } from './data-directory.js';
import { identityFrom } from './instance-lock.js';
import type { ProcessIdentity } from './process-identity.js';

/** What runs now, as `<data>/cluster.json` says it to scripts. Written at every change. */
export type ClusterState = {
  readonly version: 1;
  readonly clusterId: string;
  readonly storage: StorageKind;
  readonly up: ProcessIdentity | null;
  readonly endpoints: readonly string[];
  readonly nodes: readonly NodeState[];
};

export type NodeState = {
  readonly id: string;
  readonly clientUrl: string;
  readonly peerUrl: string;
  readonly logFile: string;
  /** Null between two runs. */
  readonly process: ProcessIdentity | null;
  readonly postgres: (ProcessIdentity & { readonly port: number }) | null;
  readonly restarts: number;
  /** The cluster goes on without it; it is not started any more. */
  readonly removed: boolean;
};

export function writeClusterState(data: DataDirectory, state: ClusterState): void {
  writeFileWhole(data.stateFile, `${JSON.stringify(state, null, 2)}\n`);
}

export function removeClusterState(data: DataDirectory): void {
  removeFile(data.stateFile);
}

/** Every node process that the file names. A file that cannot be read names none. */
export function recordedNodeProcesses(data: DataDirectory): readonly ProcessIdentity[] {
  return nodesOf(readFileOrNull(data.stateFile))
    .map((node) => identityFrom(node['process']))
    .filter((identity) => identity !== null);
}

function nodesOf(text: string | null): readonly Readonly<Record<string, unknown>>[] {
  if (text === null) return [];
  try {
    const state: unknown = JSON.parse(text);
    if (!isRecord(state) || !Array.isArray(state['nodes'])) return [];
    return state['nodes'].filter(isRecord);
  } catch {
    return [];
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
