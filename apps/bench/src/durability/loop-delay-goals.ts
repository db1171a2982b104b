import type { ProcessCluster } from '../cluster/process-cluster.js';
import type { ResultSheet } from './result-sheet.js';

/** The default of LATCHKEY_HEARTBEAT_MS. */
const HEARTBEAT_MS = 200;
/** A heartbeat that leaves half an interval late is still one in time (FAILURE-MODES 52). */
const LIMIT_MS = HEARTBEAT_MS / 2;
/** So that 99.9 % of them are not all. */
const SAMPLES_WANTED = 1_000;

/** For clusters whose delays are judged: the interval that the limit belongs to. */
export const LOOP_DELAY_SETTINGS = { LATCHKEY_HEARTBEAT_MS: String(HEARTBEAT_MS) } as const;

/** Of all nodes, since `beginWindow` of each. @param taker the one that takes a snapshot meanwhile */
export async function judgeLoopDelays(cluster: ProcessCluster, taker: string, sheet: ResultSheet): Promise<void> {
  for (const id of cluster.ids) {
    const { eventLoopDelayMs: delay, samples } = await cluster.member(id).report();
    const isFew = samples < SAMPLES_WANTED;
    const few = isFew ? ', so few that the longest counts as p99.9' : '';
    console.log(
      `event loop of ${id}: p50 ${delay.p50.toFixed(1)}, p99 ${delay.p99.toFixed(1)}, max ${delay.max.toFixed(1)} ms late in ${samples} samples${few}`,
    );
    sheet.record(`event loop delay of ${id}, ms`, { ...delay, samples });
    const name = `event loop delay p99.9 of ${id}${id === taker ? ', which takes the snapshot' : ''}`;
    sheet.atMost(name, { measured: isFew ? delay.max : delay.p999, limit: LIMIT_MS, unit: 'ms' });
  }
}
