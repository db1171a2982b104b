import { connect, type Latchkey } from '@latchkey/sdk';
import { BenchCluster } from './bench-cluster.js';
import { measureFailover } from './failover.js';
import { measureIdle } from './idle.js';
import { linearizableGet, lockPair, loop, put } from './workloads.js';

type Settings = { readonly durationMs: number; readonly idleMs: number; readonly failoverRounds: number };

const FULL: Settings = { durationMs: 10_000, idleMs: 20_000, failoverRounds: 10 };
const QUICK: Settings = { durationMs: 3_000, idleMs: 5_000, failoverRounds: 3 };
const WARM_UP_MS = 3_000;
const IN_FLIGHT = [1, 64, 512];
const LOADS = [
  { name: 'put', operation: put, inFlightMax: 512 },
  { name: 'get', operation: linearizableGet, inFlightMax: 512 },
  { name: 'lock', operation: lockPair, inFlightMax: 64 },
] as const;

export type SpeedOptions = {
  readonly quick?: boolean;
  /** idle, put, get, lock, failover; absent = all. */
  readonly only?: readonly string[];
};

/** Throughput, latency, idle costs and fail-over of a cluster that `latchkey up` runs. */
export async function measureSpeed(options: SpeedOptions): Promise<void> {
  const settings = options.quick === true ? QUICK : FULL;
  const isWanted = (name: string) => options.only?.includes(name) ?? true;
  await using cluster = await BenchCluster.start();
  const leader = await cluster.settledLeader();
  if (isWanted('idle')) await printIdle(cluster, leader.id, settings);
  // To the leader first: that is where a client ends up that looks for the shortest way.
  const followers = cluster.endpoints.filter((endpoint) => endpoint !== leader.clientUrl);
  await using client = await connect({ endpoints: [leader.clientUrl, ...followers] });
  await printLoads(client, isWanted, settings);
  if (isWanted('failover')) {
    const { p50, max, count } = await measureFailover(cluster, client, settings.failoverRounds);
    console.log(
      `leader killed, ${count} times: next write after ${p50.toFixed(0)} ms (median), ${max.toFixed(0)} ms (longest)`,
    );
  }
}

async function printIdle(cluster: BenchCluster, leaderId: string, { idleMs }: Settings): Promise<void> {
  for (const { id, rssMebibytes, cpuPercent } of await measureIdle(cluster, idleMs)) {
    const role = id === leaderId ? 'leader' : 'follower';
    console.log(`idle ${id} (${role})  RSS ${rssMebibytes.toFixed(1)} MiB  CPU ${cpuPercent.toFixed(2)} %`);
  }
}

async function printLoads(client: Latchkey, isWanted: (name: string) => boolean, settings: Settings): Promise<void> {
  if (LOADS.some(({ name }) => isWanted(name))) await loop({ inFlight: 64, durationMs: WARM_UP_MS }, put(client));
  // Little load first: what a heavy one leaves behind (checkpoints, garbage) would be charged to the next.
  for (const count of IN_FLIGHT) {
    for (const { name, operation } of LOADS.filter((load) => isWanted(load.name) && count <= load.inFlightMax)) {
      const result = await loop({ inFlight: count, durationMs: settings.durationMs }, operation(client));
      const { p50, p99 } = result.latencyMs;
      const load = `${name}, ${count} in flight`.padEnd(22);
      console.log(
        `${load} ${result.perSecond.toFixed(0).padStart(7)}/s  p50 ${p50.toFixed(2)} ms  p99 ${p99.toFixed(2)} ms`,
      );
    }
  }
}
