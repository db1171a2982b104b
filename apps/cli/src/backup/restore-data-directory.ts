import { existsSync, rmSync } from 'node:fs';
import { failure } from '../cli-error.js';
import type { ClusterDescription, NodeDescription } from '../cluster/cluster-description.js';
import { planCluster, writeClusterFile, type PlanOptions } from '../supervisor/cluster-plan.js';
import {
  dataDirectory,
  makeDirectory,
  nodeDirectory,
  postgresDirectory,
  type DataDirectory,
} from '../supervisor/data-directory.js';
import type { DatabaseStarter } from '../supervisor/embedded-database.js';
import { acquireInstanceLock } from '../supervisor/instance-lock.js';
import type { RestoredNode, RestoreTarget } from './restore-process.js';

export type DirectoryRestore = {
  readonly dataPath: string;
  readonly plan: PlanOptions;
  /** Null: a new random one, as `up` gives. */
  readonly clusterId: string | null;
  readonly startDatabase: DatabaseStarter;
  /** @throws CliError */
  readonly restoreNode: (target: RestoreTarget) => Promise<RestoredNode>;
};

/**
 * Makes the data directory of `latchkey up` from a backup: all its nodes, or none.
 * @throws CliError; what was there before is untouched, and nothing was added then
 */
export async function restoreDataDirectory(options: DirectoryRestore): Promise<readonly RestoredNode[]> {
  const data = dataDirectory(options.dataPath);
  makeDirectory(data.root);
  const lock = acquireInstanceLock(data);
  try {
    if (existsSync(data.clusterFile))
      throw failure(`${data.root} holds a cluster already; restore into another directory`);
    const planned = planCluster(data, options.plan);
    const description = { ...planned, clusterId: options.clusterId ?? planned.clusterId };
    for (const { id } of description.nodes)
      if (existsSync(nodeDirectory(data, id))) throw failure(`${nodeDirectory(data, id)} is there already`);
    return await restoreAll(data, description, options);
  } finally {
    lock.release();
  }
}

async function restoreAll(
  data: DataDirectory,
  description: ClusterDescription,
  options: DirectoryRestore,
): Promise<readonly RestoredNode[]> {
  const restored: RestoredNode[] = [];
  try {
    for (const node of description.nodes) restored.push(await restoreInto(data, description, { node, ...options }));
    // Last: without it, `up` would take the directory for a new one, and be refused by the databases in it.
    writeClusterFile(data, description);
    return restored;
  } catch (error) {
    for (const { id } of description.nodes) rmSync(nodeDirectory(data, id), { recursive: true, force: true });
    throw error;
  }
}

async function restoreInto(
  data: DataDirectory,
  { clusterId, nodes }: ClusterDescription,
  { node, startDatabase, restoreNode }: DirectoryRestore & { readonly node: NodeDescription },
): Promise<RestoredNode> {
  makeDirectory(nodeDirectory(data, node.id));
  const database = await startDatabase({ dataDirectory: postgresDirectory(data, node.id), log: () => undefined });
  try {
    const peers = nodes.map(({ id, peerUrl }) => `${id}=${peerUrl}`).join(',');
    return await restoreNode({ nodeId: node.id, clusterId, peers, databaseUrl: database.url });
  } finally {
    await database.stop();
  }
}
