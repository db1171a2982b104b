import type { Latchkey } from '@latchkey/sdk';
import { poll } from '../cluster/poll.js';
import type { ProcessCluster } from '../cluster/process-cluster.js';
import { BackgroundLoad } from './background-load.js';
import type { FilledKeys } from './filled-keys.js';

/** Few at a time: a frame of many puts is one entry, and what counts here is entries. */
const IN_FLIGHT = 8;
const LIMIT_MS = 600_000;

/**
 * While a follower is down: writes until the log of `leader` no longer reaches back to where the follower is, so that it
 * will need a snapshot. @param appliedIndex of the follower when it was last seen
 */
export async function writeBeyondLog(
  { cluster, leader, appliedIndex }: { cluster: ProcessCluster; leader: string; appliedIndex: number },
  { client, keys }: { client: Latchkey; keys: FilledKeys },
): Promise<void> {
  await using load = new BackgroundLoad(client, keys, IN_FLIGHT);
  await poll('the log to be compacted', LIMIT_MS, async () =>
    (await cluster.status(leader)).firstLogIndex > appliedIndex + 1 ? true : null,
  );
  await load.stop();
}

/** By this run of the node's process, from its metrics. */
export async function snapshotsTaken(nodeUrl: string): Promise<number> {
  const text = await (await fetch(`${nodeUrl}/metrics`)).text();
  const line = /^latchkey_snapshot_transfers_total\{direction="in",result="completed"\} (\d+)$/m.exec(text);
  return Number(line?.[1] ?? Number.NaN);
}
