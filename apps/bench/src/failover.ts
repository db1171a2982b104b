import type { Latchkey } from '@latchkey/sdk';
import type { BenchCluster } from './bench-cluster.js';
import { summarize, type Summary } from './statistics.js';

const PROBE_INTERVAL_MS = 10;
const STEADY_WRITES_BEFORE_KILL = 50;

/**
 * Kills the leader with SIGKILL, again and again, under one write every 10 ms, and measures from the kill to the first
 * write that was sent after it and succeeds.
 */
export async function measureFailover(cluster: BenchCluster, client: Latchkey, rounds: number): Promise<Summary> {
  const gapsMs: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const leader = await cluster.settledLeader();
    for (let count = 0; count < STEADY_WRITES_BEFORE_KILL; count += 1) {
      await client.kv.put('bench/failover', String(count));
      await new Promise((resolve) => setTimeout(resolve, PROBE_INTERVAL_MS));
    }
    const killedMs = performance.now();
    process.kill(leader.pid, 'SIGKILL');
    await client.kv.put('bench/failover', `after ${round}`);
    gapsMs.push(performance.now() - killedMs);
  }
  return summarize(gapsMs);
}
