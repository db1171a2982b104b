import { poll } from '../cluster/poll.js';
import { ProcessCluster, type NodeStatus } from '../cluster/process-cluster.js';
import { BackgroundLoad } from './background-load.js';
import { FilledKeys } from './filled-keys.js';
import { connectToLeader } from './leader-client.js';
import { judgeLoopDelays, LOOP_DELAY_SETTINGS } from './loop-delay-goals.js';
import type { NodeSettings } from './node-settings.js';
import { snapshotsTaken, writeBeyondLog } from './outdated-follower.js';
import type { ResultSheet } from './result-sheet.js';

const VALUE_BYTES = 1_024;
const IN_FLIGHT = 64;
const BYTES_PER_MEGABYTE = 1e6;
const LIMIT_MS = 600_000;
/** How far a follower in step is behind under this load: some batches on their way. */
const ENTRIES_BEHIND_MAX = 1_000;
const GOALS = { inStepSeconds: 60, elections: 0, putsPerSecond: 1 } as const;

export type CatchUpOptions = { readonly megabytes: number; readonly settings: NodeSettings };

type Away = { readonly cluster: ProcessCluster; readonly follower: string; readonly commitIndex: number };

/** A follower is stopped, misses so many megabytes of values, each under a key of its own, and comes back under load. */
export async function measureCatchUp({ megabytes, settings }: CatchUpOptions, sheet: ResultSheet): Promise<void> {
  const keys = new FilledKeys(Math.ceil((megabytes * BYTES_PER_MEGABYTE) / VALUE_BYTES), VALUE_BYTES);
  await using cluster = await ProcessCluster.start({ settings: { ...settings, ...LOOP_DELAY_SETTINGS } });
  await using client = await connectToLeader(cluster);
  const follower = await cluster.follower();
  const leader = await cluster.leader();
  const before = await cluster.status(leader);
  await cluster.member(follower).endNode('SIGTERM');

  const fillSeconds = await keys.fill(client);
  console.log(`${follower} missed ${keys.count} values of ${VALUE_BYTES} B, written in ${fillSeconds.toFixed(1)} s`);
  await writeBeyondLog({ cluster, leader, appliedIndex: before.appliedIndex }, { client, keys });
  const { commitIndex, firstLogIndex } = await cluster.status(leader);
  console.log(`the log begins at ${firstLogIndex} of ${commitIndex} entries; ${follower} has ${before.appliedIndex}`);
  await using load = new BackgroundLoad(client, keys, IN_FLIGHT);
  const inStepSeconds = await comeBack({ cluster, follower, commitIndex }, { leader, sheet });
  const { perSecond, longestMs } = await load.stop();
  console.log(`beside ${perSecond.toFixed(0)} puts/s (longest ${longestMs.toFixed(0)} ms)`);
  sheet.record('puts meanwhile', { perSecond, longestMs });

  const taken = await snapshotsTaken(cluster.url(follower));
  const after = await cluster.statuses();
  const elections = Math.max(...after.map(({ term }) => term)) - before.term;
  sheet.atMost('in step', { measured: inStepSeconds, limit: GOALS.inStepSeconds, unit: 's' });
  sheet.atLeast('snapshots taken', { measured: taken, limit: 1, unit: '' });
  sheet.atMost('terms begun', { measured: elections, limit: GOALS.elections, unit: '' });
  sheet.atLeast('puts per second meanwhile', { measured: perSecond, limit: GOALS.putsPerSecond, unit: '' });
  await judgeLoopDelays(cluster, follower, sheet);
}

/** @returns seconds from the start of its process until it follows the writes of the moment, and is ready */
async function comeBack(
  { cluster, follower, commitIndex }: Away,
  { leader, sheet }: { readonly leader: string; readonly sheet: ResultSheet },
): Promise<number> {
  for (const id of cluster.ids) if (id !== follower) cluster.member(id).beginWindow();
  const startMs = performance.now();
  const elapsedSeconds = () => (performance.now() - startMs) / 1000;
  cluster.member(follower).startNode();
  // Loading the program is not part of what the event loop is judged by.
  await poll('the node to listen', LIMIT_MS, () => cluster.status(follower));
  cluster.member(follower).beginWindow();
  await poll('the missed writes', LIMIT_MS, async () =>
    (await cluster.status(follower)).appliedIndex >= commitIndex ? true : null,
  );
  const hadMissedSeconds = elapsedSeconds();
  await poll('the follower to be in step', LIMIT_MS, async () =>
    isInStep(await cluster.status(follower), await cluster.status(leader)) ? true : null,
  );
  await cluster.ready(follower);
  const inStepSeconds = elapsedSeconds();
  console.log(
    `all that it had missed after ${hadMissedSeconds.toFixed(1)} s, in step after ${inStepSeconds.toFixed(1)} s`,
  );
  sheet.record('all that it had missed after, s', hadMissedSeconds);
  return inStepSeconds;
}

const isInStep = (follower: NodeStatus, leader: NodeStatus) =>
  leader.commitIndex - follower.appliedIndex <= ENTRIES_BEHIND_MAX;
