import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { failure } from '../cli-error.js';
import type { ClusterDescription, NodeDescription, StorageKind } from '../cluster/cluster-description.js';
import { readClusterFile, renderClusterFile } from '../cluster/cluster-file.js';
import { ensurePeerSecret, postgresDirectory, writeFileWhole, type DataDirectory } from './data-directory.js';
import type { NeededPort } from './free-ports.js';

/** `up` listens for clients and peers on this machine only. */
const HOST = '127.0.0.1';
const CLUSTER_ID_BYTES = 4;

export type PlanOptions = {
  readonly nodeCount: number;
  readonly storage: StorageKind;
  readonly clientPort: number;
  readonly peerPort: number;
};

/**
 * The cluster that `up` will run on a data directory. The directory's own cluster file keeps its identity and settings
 * (a person may have added some); ports and addresses follow the command line.
 * @throws CliError when the data there belongs to a cluster of another size
 */
export function planCluster(data: DataDirectory, options: PlanOptions): ClusterDescription {
  const existing = existsSync(data.clusterFile) ? readClusterFile(data.clusterFile) : null;
  if (options.storage === 'postgres') refuseOtherSize(data, existing, options.nodeCount);
  ensurePeerSecret(data);
  return {
    clusterId: existing?.clusterId ?? `local-${randomBytes(CLUSTER_ID_BYTES).toString('hex')}`,
    secret: { kind: 'file', path: data.secretFile },
    storage: options.storage,
    settings: existing?.settings ?? {},
    nodes: Array.from({ length: options.nodeCount }, (_, at) => planNode(at, options, existing)),
  };
}

function planNode(at: number, options: PlanOptions, existing: ClusterDescription | null): NodeDescription {
  const id = `n${at + 1}`;
  const peer = { host: HOST, port: options.peerPort + at };
  return {
    id,
    peerUrl: `http://${peer.host}:${peer.port}`,
    peerListen: peer,
    client: { host: HOST, port: options.clientPort + at },
    databaseUrl: null,
    join: false,
    settings: existing?.nodes.find((node) => node.id === id)?.settings ?? {},
  };
}

/** Starting with fewer or more nodes than the data knows would be a membership change that no majority agreed to. */
function refuseOtherSize(data: DataDirectory, existing: ClusterDescription | null, nodeCount: number): void {
  const withData = existing?.nodes.filter((node) => existsSync(postgresDirectory(data, node.id))).length ?? 0;
  if (withData === 0 || withData === nodeCount) return;
  throw failure(
    `${data.root} holds a cluster of ${withData} nodes, not ${nodeCount}: start it with --nodes ${withData}, or use another --data`,
  );
}

export function writeClusterFile(data: DataDirectory, description: ClusterDescription): void {
  const heading =
    '# Written by "latchkey up". It keeps clusterId and settings from here; the rest is written anew at each start.\n';
  writeFileWhole(data.clusterFile, heading + renderClusterFile(description, data.clusterFile));
}

export function neededPorts(description: ClusterDescription): readonly NeededPort[] {
  return description.nodes.flatMap((node) => [
    { ...node.client, purpose: `clients of ${node.id}`, option: '--client-port' },
    { ...node.peerListen, purpose: `peers of ${node.id}`, option: '--peer-port' },
  ]);
}
