import { readCpuSeconds, readMemoryBytes } from '../peers/tree-usage.js';
import type { Cluster, Member } from '../peers/system.js';

const rootsOf = (members: readonly Member[]): readonly number[] =>
  members.flatMap(({ pid, otherPids }) => [pid, ...otherPids]);

/** CPU seconds of this process, and of all server processes of a cluster, since it was started. */
export class CpuMeter {
  private constructor(
    private readonly roots: readonly number[],
    private readonly serverSeconds: number,
    private readonly clientUsage: NodeJS.CpuUsage,
  ) {}

  static async start(cluster: Cluster): Promise<CpuMeter> {
    const roots = rootsOf(cluster.members());
    return new CpuMeter(roots, await readCpuSeconds(roots), process.cpuUsage());
  }

  /** All threads of this process count. */
  async stop(): Promise<{ readonly serverSeconds: number; readonly clientSeconds: number }> {
    const { user, system } = process.cpuUsage(this.clientUsage);
    const serverSeconds = (await readCpuSeconds(this.roots)) - this.serverSeconds;
    return { serverSeconds, clientSeconds: (user + system) / 1e6 };
  }
}

export async function readClusterMemoryMiB(cluster: Cluster): Promise<number> {
  return (await readMemoryBytes(rootsOf(cluster.members()))) / 1024 ** 2;
}
