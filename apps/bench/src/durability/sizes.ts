import type { Latchkey } from '@latchkey/sdk';
import { poll } from '../cluster/poll.js';
import { ProcessCluster } from '../cluster/process-cluster.js';
import { readProcessUsage } from '../process-usage.js';
import { summarize } from '../statistics.js';
import type { Throughput } from '../workloads.js';
import { BackgroundLoad } from './background-load.js';
import { FilledKeys } from './filled-keys.js';
import { connectToLeader } from './leader-client.js';
import { judgeLoopDelays, LOOP_DELAY_SETTINGS } from './loop-delay-goals.js';
import type { NodeSettings } from './node-settings.js';
import { snapshotsTaken, writeBeyondLog } from './outdated-follower.js';
import type { ResultSheet } from './result-sheet.js';

const VALUE_BYTES = 256;
const FEW_KEYS = 1_000;
const IN_FLIGHT = 64;
/** Alternating, so that a slow minute of the machine hits both. */
const SPEED_TURNS = 5;
const TURN_MS = 3_000;
const LOAD_DURING_SNAPSHOT = 8;
const JOIN_LIMIT_MS = 600_000;

const GOALS = { readyS: 15, rssGibibytes: 1.2, speedFactor: 1.5 } as const;

type Filled = { readonly cluster: ProcessCluster; readonly client: Latchkey; readonly keys: FilledKeys };

export type SizesOptions = {
  readonly keys: number;
  /** Where the snapshot goes: to a node that begins with an empty database, or to one whose state is old. */
  readonly snapshotTo: 'wiped' | 'outdated';
  readonly settings: NodeSettings;
};

/** What many keys cost, beside a cluster of few keys on the same machine. */
export async function measureSizes(options: SizesOptions, sheet: ResultSheet): Promise<void> {
  const { keys: count, snapshotTo } = options;
  const settings = { ...options.settings, ...LOOP_DELAY_SETTINGS };
  await using smallCluster = await ProcessCluster.start({ settings });
  await using cluster = await ProcessCluster.start({ settings });
  await using smallClient = await connectToLeader(smallCluster);
  await using client = await connectToLeader(cluster);
  const small = { cluster: smallCluster, client: smallClient, keys: new FilledKeys(FEW_KEYS, VALUE_BYTES) };
  const large = { cluster, client, keys: new FilledKeys(count, VALUE_BYTES) };

  await small.keys.fill(small.client);
  const fillSeconds = await large.keys.fill(large.client);
  console.log(
    `${count} keys of ${VALUE_BYTES} B written in ${fillSeconds.toFixed(1)} s (${(count / fillSeconds).toFixed(0)}/s)`,
  );
  sheet.record('written per second', count / fillSeconds);
  await cluster.settled();
  const rss = [await printMemory(cluster, 'after the load', sheet)];
  await compareSpeed(small, large, sheet);
  rss.push(await printMemory(cluster, 'after the reads and writes', sheet));
  const readySeconds = await longestRestart(cluster, sheet);
  sheet.atMost('restart to ready', { measured: readySeconds, limit: GOALS.readyS, unit: 's' });
  rss.push(await printMemory(cluster, 'after the restarts', sheet));
  await sendSnapshot(large, snapshotTo, sheet);
  rss.push(await printMemory(cluster, 'after the snapshot', sheet));
  sheet.atMost('resident memory of a node', { measured: Math.max(...rss), limit: GOALS.rssGibibytes, unit: 'GiB' });
}

async function compareSpeed(small: Filled, large: Filled, sheet: ResultSheet): Promise<void> {
  const load = { inFlight: IN_FLIGHT, durationMs: TURN_MS };
  const operations = [
    ['linearizable get', ({ keys, client }: Filled) => keys.linearizableGets(client, load)],
    ['put', ({ keys, client }: Filled) => keys.puts(client, load)],
  ] as const;
  for (const [name, operation] of operations) {
    const [smallTurns, largeTurns]: [Throughput[], Throughput[]] = [[], []];
    // The first pair only warms up.
    for (let turn = 0; turn <= SPEED_TURNS; turn += 1) {
      const [ofSmall, ofLarge] = [await operation(small), await operation(large)];
      if (turn === 0) continue;
      smallTurns.push(ofSmall);
      largeTurns.push(ofLarge);
    }
    const [few, many] = [median(smallTurns), median(largeTurns)];
    console.log(
      `${name}, ${IN_FLIGHT} in flight: ${FEW_KEYS} keys ${told(few)}, ${large.keys.count} keys ${told(many)}`,
    );
    sheet.record(`${name}, ${IN_FLIGHT} in flight`, { fewKeys: few, manyKeys: many });
    const measured = few.perSecond / many.perSecond;
    sheet.atMost(`${name}: times slower than with ${FEW_KEYS} keys`, { measured, limit: GOALS.speedFactor, unit: '' });
  }
}

/** The leader and a follower killed, and a follower told to stop; each from the start of its process. In seconds. */
async function longestRestart(cluster: ProcessCluster, sheet: ResultSheet): Promise<number> {
  const cases = [
    ['a follower, killed', () => cluster.follower(), 'SIGKILL'],
    ['the leader, killed', () => cluster.leader(), 'SIGKILL'],
    ['a follower, stopped', () => cluster.follower(), 'SIGTERM'],
  ] as const;
  let longest = 0;
  for (const [what, choose, signal] of cases) {
    const id = await choose();
    await cluster.member(id).endNode(signal);
    const startMs = performance.now();
    cluster.member(id).startNode();
    await cluster.ready(id);
    const seconds = (performance.now() - startMs) / 1000;
    const { cpuSeconds } = await readProcessUsage(cluster.member(id).pid ?? Number.NaN);
    console.log(`${what}: ready ${seconds.toFixed(1)} s after its start (${cpuSeconds.toFixed(1)} s of CPU)`);
    sheet.record(`${what}: ready`, { seconds, cpuSeconds });
    longest = Math.max(longest, seconds);
  }
  return longest;
}

async function sendSnapshot(large: Filled, to: SizesOptions['snapshotTo'], sheet: ResultSheet): Promise<void> {
  const { cluster, client, keys } = large;
  const taker = await cluster.follower();
  const others = cluster.ids.filter((id) => id !== taker);
  await (to === 'wiped' ? cluster.member(taker).wipe() : leaveBehind(large, taker));
  await using load = new BackgroundLoad(client, keys, LOAD_DURING_SNAPSHOT);
  for (const id of others) cluster.member(id).beginWindow();
  const startMs = performance.now();
  if (to === 'wiped') await cluster.member(taker).startPostgres();
  cluster.member(taker).startNode();
  // Loading the program is not part of what is measured there.
  await poll('the node to listen', JOIN_LIMIT_MS, () => cluster.status(taker));
  cluster.member(taker).beginWindow();
  await poll('the node to be ready', JOIN_LIMIT_MS, () => cluster.ready(taker).then(() => true));
  const seconds = (performance.now() - startMs) / 1000;
  const { perSecond, longestMs } = await load.stop();
  console.log(
    `the ${to} follower was ready after ${seconds.toFixed(1)} s, beside ${perSecond.toFixed(0)} puts/s (longest ${longestMs.toFixed(0)} ms)`,
  );
  sheet.record(`${to} follower`, { readySeconds: seconds, putsPerSecond: perSecond, longestPutMs: longestMs });
  const taken = await snapshotsTaken(cluster.url(taker));
  sheet.atLeast('snapshots taken', { measured: taken, limit: 1, unit: '' });
  await judgeLoopDelays(cluster, taker, sheet);
}

async function leaveBehind({ cluster, client, keys }: Filled, follower: string): Promise<void> {
  const { appliedIndex } = await cluster.status(follower);
  const leader = await cluster.leader();
  await cluster.member(follower).endNode('SIGTERM');
  await writeBeyondLog({ cluster, leader, appliedIndex }, { client, keys });
}

/** @returns the most of any node at this moment, in GiB */
async function printMemory(cluster: ProcessCluster, when: string, sheet: ResultSheet): Promise<number> {
  const reports = await Promise.all(cluster.ids.map(async (id) => ({ id, ...(await memoryOf(cluster, id)) })));
  for (const { id, memory, peakRss } of reports) {
    const { rss, heapUsed, heapTotal, external, arrayBuffers } = memory;
    console.log(
      `memory of ${id} ${when}: resident ${mebibytes(rss)} (since its start at most ${mebibytes(peakRss)}), ` +
        `heap ${mebibytes(heapUsed)} of ${mebibytes(heapTotal)}, outside ${mebibytes(external)} (buffers ${mebibytes(arrayBuffers)})`,
    );
  }
  sheet.record(`bytes of memory ${when}`, reports);
  return Math.max(...reports.map(({ memory }) => memory.rss)) / 1024 ** 3;
}

async function memoryOf(cluster: ProcessCluster, id: string) {
  const { memory } = await cluster.member(id).report();
  const { peakRssBytes } = await readProcessUsage(cluster.member(id).pid ?? Number.NaN);
  return { memory, peakRss: peakRssBytes };
}

function median(turns: readonly Throughput[]): { readonly perSecond: number; readonly p50: number } {
  return {
    perSecond: summarize(turns.map(({ perSecond }) => perSecond)).p50,
    p50: summarize(turns.map(({ latencyMs }) => latencyMs.p50)).p50,
  };
}

const told = ({ perSecond, p50 }: { perSecond: number; p50: number }) =>
  `${perSecond.toFixed(0)}/s (p50 ${p50.toFixed(2)} ms)`;
const mebibytes = (bytes: number) => `${(bytes / 1024 ** 2).toFixed(0)} MiB`;
