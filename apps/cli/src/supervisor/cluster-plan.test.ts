import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readClusterFile } from '../cluster/cluster-file.js';
import { neededPorts, planCluster, writeClusterFile, type PlanOptions } from './cluster-plan.js';
import { dataDirectory, postgresDirectory, type DataDirectory } from './data-directory.js';

const THREE: PlanOptions = { nodeCount: 3, storage: 'postgres', clientPort: 7301, peerPort: 7401 };

let data: DataDirectory;
beforeEach(() => {
  data = dataDirectory(mkdtempSync(join(tmpdir(), 'latchkey-plan-')));
});
afterEach(() => rmSync(data.root, { recursive: true }));

function startOnce(options: PlanOptions): void {
  const description = planCluster(data, options);
  for (const node of description.nodes) mkdirSync(postgresDirectory(data, node.id), { recursive: true });
  writeClusterFile(data, description);
}

describe('the cluster that `up` runs', () => {
  it('gives every node ports of its own, all on this machine', () => {
    const description = planCluster(data, THREE);
    expect(description.nodes.map((node) => [node.id, node.client.port, node.peerUrl])).toEqual([
      ['n1', 7301, 'http://127.0.0.1:7401'],
      ['n2', 7302, 'http://127.0.0.1:7402'],
      ['n3', 7303, 'http://127.0.0.1:7403'],
    ]);
    expect(neededPorts(description).map(({ port, option }) => `${option} ${port}`)).toEqual([
      '--client-port 7301',
      '--peer-port 7401',
      '--client-port 7302',
      '--peer-port 7402',
      '--client-port 7303',
      '--peer-port 7403',
    ]);
  });

  it('keeps a secret that nobody else may read', () => {
    planCluster(data, THREE);
    const { mode, size } = statSync(data.secretFile);
    expect(mode & 0o077).toBe(0);
    expect(size).toBeGreaterThan(32);
  });

  it('is the same cluster at the next start, with the settings that a person wrote into its file', () => {
    startOnce(THREE);
    const first = readClusterFile(data.clusterFile);
    writeClusterFile(data, { ...first, settings: { heartbeatMs: '50' } });
    const second = planCluster(data, { ...THREE, clientPort: 9301 });
    expect(second).toMatchObject({ clusterId: first.clusterId, settings: { heartbeatMs: '50' } });
    expect(second.nodes[0]?.client.port).toBe(9301);
  });

  it('is another cluster in another directory', () => {
    const other = dataDirectory(join(data.root, 'other'));
    mkdirSync(other.root);
    expect(planCluster(data, THREE).clusterId).not.toBe(planCluster(other, THREE).clusterId);
  });

  it.each([1, 5])('refuses to run data of three nodes as %d', (nodeCount) => {
    startOnce(THREE);
    expect(() => planCluster(data, { ...THREE, nodeCount })).toThrow('holds a cluster of 3 nodes');
    expect(planCluster(data, { ...THREE, nodeCount, storage: 'memory' }).nodes).toHaveLength(nodeCount);
  });

  it('shows the line of a cluster file that a person broke', () => {
    writeFileSync(data.clusterFile, 'clusterId: a\nnodes: {');
    expect(() => planCluster(data, THREE)).toThrow(/cluster\.yaml:2/);
  });
});
