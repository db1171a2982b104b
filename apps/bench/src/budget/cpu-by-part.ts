import type { ProcessCluster } from '../cluster/process-cluster.js';
import { readCpuSeconds } from '../peers/tree-usage.js';

/** Who works for an operation; the two followers, and the three databases, together. */
export const PARTS = ['client', 'leader', 'followers', 'databases'] as const;
export type Part = (typeof PARTS)[number];
export type CpuByPart = Readonly<Record<Part, number>>;

/** CPU seconds of each part so far; the client is this process. */
export async function readCpuByPart(cluster: ProcessCluster, leader: string): Promise<CpuByPart> {
  const nodes = (ids: readonly string[]) => ids.flatMap((id) => cluster.member(id).pid ?? []);
  const { user, system } = process.cpuUsage();
  const [ofLeader, ofFollowers, ofDatabases] = await Promise.all([
    readCpuSeconds(nodes([leader])),
    readCpuSeconds(nodes(cluster.ids.filter((id) => id !== leader))),
    readCpuSeconds(cluster.ids.flatMap((id) => cluster.member(id).postgresPid ?? [])),
  ]);
  return { client: (user + system) / 1e6, leader: ofLeader, followers: ofFollowers, databases: ofDatabases };
}

/** Microseconds per operation between two readings. */
export function perOperation(before: CpuByPart, after: CpuByPart, operations: number): CpuByPart {
  const of = (part: Part) => ((after[part] - before[part]) * 1e6) / operations;
  return { client: of('client'), leader: of('leader'), followers: of('followers'), databases: of('databases') };
}

export const together = (cpu: CpuByPart): number => PARTS.reduce((sum, part) => sum + cpu[part], 0);
