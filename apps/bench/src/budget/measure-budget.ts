import { ProcessCluster } from '../cluster/process-cluster.js';
import { connectToLeader } from '../durability/leader-client.js';
import { linearizableGet, lockPair, loop, put } from '../workloads.js';
import { PARTS, perOperation, readCpuByPart, together } from './cpu-by-part.js';
import { measureInsert, measureMemoryReadNs, measureMessage, type Floor } from './floor.js';

/** Long, because with little to do a node's code is compiled late. */
const WARM_UP_MS = 15_000;
const LOADS = [
  { name: 'put', operation: put, inFlight: [1, 64, 512] },
  { name: 'get', operation: linearizableGet, inFlight: [1, 64, 512] },
  { name: 'lock', operation: lockPair, inFlight: [1, 64] },
] as const;

/** What each part of the cluster gives for one operation, and what its cheapest steps cost by themselves on this machine. */
export async function measureBudget({ seconds }: { readonly seconds: number }): Promise<void> {
  await using cluster = await ProcessCluster.start();
  await using client = await connectToLeader(cluster);
  const leader = await cluster.leader();
  console.log(
    `CPU per operation in µs; p50 in ms. ${seconds} s each, ${WARM_UP_MS / 1_000} s before each that do not count`,
  );
  console.log(['', 'per s', 'p50', ...PARTS, 'together'].map((title) => title.padStart(11)).join(''));
  for (const { name, operation, inFlight: counts } of LOADS) {
    for (const inFlight of counts) {
      const repeat = operation(client);
      await loop({ inFlight, durationMs: WARM_UP_MS }, repeat);
      const before = await readCpuByPart(cluster, leader);
      const { perSecond, latencyMs } = await loop({ inFlight, durationMs: seconds * 1_000 }, repeat);
      const cpu = perOperation(before, await readCpuByPart(cluster, leader), latencyMs.count);
      const figures = [...PARTS.map((part) => cpu[part]), together(cpu)].map((microseconds) => microseconds.toFixed(0));
      const cells = [`${name}, ${inFlight}`, perSecond.toFixed(0), latencyMs.p50.toFixed(2), ...figures];
      console.log(cells.map((cell) => cell.padStart(11)).join(''));
    }
  }
  await printFloors(cluster.member(leader).databaseUrl);
}

async function printFloors(databaseUrl: string): Promise<void> {
  const message = await measureMessage();
  const insert = await measureInsert(databaseUrl);
  const told = ({ p50Us, cpuUs }: Floor, whose: string) =>
    `p50 ${p50Us.toFixed(0)} µs, ${cpuUs.toFixed(0)} µs CPU of ${whose}`;
  console.log(`a message there and back, by itself: ${told(message, 'each end')}`);
  console.log(`a row made durable, by itself: ${told(insert, 'its client')}`);
  console.log(`a read from anywhere in 32 MiB of memory: ${measureMemoryReadNs().toFixed(0)} ns`);
}
