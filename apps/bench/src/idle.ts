import type { BenchCluster } from './bench-cluster.js';
import { readProcessUsage } from './process-usage.js';

export type IdleUsage = { readonly id: string; readonly rssMebibytes: number; readonly cpuPercent: number };

/** A process that has just started still compiles and collects garbage; that is not what idling costs. */
const SETTLE_MS = 20_000;

/** What each node process costs while nobody asks anything (its Postgres not counted). */
export async function measureIdle(cluster: BenchCluster, durationMs: number): Promise<readonly IdleUsage[]> {
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  const nodes = cluster.nodes();
  const before = await Promise.all(nodes.map(({ pid }) => readProcessUsage(pid)));
  await new Promise((resolve) => setTimeout(resolve, durationMs));
  const after = await Promise.all(nodes.map(({ pid }) => readProcessUsage(pid)));
  return nodes.map(({ id }, position) => ({
    id,
    rssMebibytes: (after[position]?.rssBytes ?? Number.NaN) / 1024 ** 2,
    cpuPercent:
      (((after[position]?.cpuSeconds ?? Number.NaN) - (before[position]?.cpuSeconds ?? Number.NaN)) /
        (durationMs / 1000)) *
      100,
  }));
}
