import { setTimeout as delay } from 'node:timers/promises';
import type { Latchkey } from '@latchkey/sdk';
import type { DemoCluster } from './child-programs.js';
import { CONFIG_KEY, CONFIG_NAMESPACE, DEMO } from './config.js';
import type { Expectation } from './check.js';
import type { OrdersTable } from './orders-table.js';
import type { ProbeWriter } from './probe-writer.js';
import type { DemoReport } from './report.js';
import type { WorkerProcess } from './worker-process.js';

const POLL_MS = 20;

export type Stage = {
  readonly cluster: DemoCluster;
  readonly latchkey: Latchkey;
  readonly table: OrdersTable;
  readonly probe: ProbeWriter;
  readonly workers: readonly WorkerProcess[];
  readonly report: DemoReport;
  /** Aborts when the demo is over, for whatever reason. */
  readonly signal: AbortSignal;
};

export async function waitUntil(condition: () => boolean | Promise<boolean>, signal: AbortSignal): Promise<void> {
  while (!(await condition())) {
    signal.throwIfAborted();
    await delay(POLL_MS);
  }
}

export async function waitForProgress({ table, signal }: Stage, part: number, orders: number): Promise<void> {
  await waitUntil(async () => (await table.processedCount()) >= part * orders, signal);
}

/** As the node answers that this client is connected to; null when it knows none. */
export async function knownLeader(latchkey: Latchkey): Promise<string | null> {
  return (await latchkey.status()).node?.leaderId ?? null;
}

/** SIGKILL to the leader's process. Answers how long nobody could write. */
export async function killLeader(stage: Stage): Promise<{ readonly killed: string; readonly failoverMs: number }> {
  const { cluster, latchkey, probe, report, signal } = stage;
  const leaderId = await knownLeader(latchkey);
  if (leaderId === null) throw new Error('there is no leader to kill');
  const pid = cluster.pidOf(leaderId);
  process.kill(pid, 'SIGKILL');
  const killedAt = performance.now();
  report.step(`killed the leader ${leaderId} (SIGKILL to process ${pid})`);
  await waitUntil(() => probe.gapAfter(killedAt) !== null, signal);
  const failoverMs = probe.gapAfter(killedAt) ?? 0;
  const successor = await knownLeader(latchkey);
  report.step(
    `${successor ?? 'another node'} leads; the first new write was acknowledged ${Math.round(failoverMs)} ms after the kill`,
  );
  return { killed: leaderId, failoverMs };
}

/**
 * SIGSTOP to a worker that holds a lock and is about to write; SIGCONT once another worker has had the lock and done the order.
 * No timing decides: the stopped worker's own write waits in its code until it runs again.
 */
export async function stopWorkerThatHoldsALock(
  stage: Stage,
  worker: WorkerProcess,
): Promise<NonNullable<Expectation['stopped']>> {
  const { table, report, signal } = stage;
  const holding = worker.next('holding');
  worker.send({ type: 'stallNext' });
  const { orderId, fencingToken } = await holding;
  worker.signal('SIGSTOP');
  const stoppedAt = performance.now();
  report.step(`stopped ${worker.name} (SIGSTOP) while it holds the lock of ${orderId}, fencing token ${fencingToken}`);
  const lateWrite = worker.next('lateWrite');
  worker.send({ type: 'goOn' });
  await waitUntil(() => table.isProcessed(orderId), signal);
  const tookOverMs = Math.round(performance.now() - stoppedAt);
  report.step(
    `its lock ran out (session TTL ${DEMO.sessionTtlMs} ms), and after ${tookOverMs} ms another worker had done ${orderId}`,
  );
  // The TTL counts from the last renewal, so the lock may be free a little sooner than this.
  await delay(Math.max(0, DEMO.stoppedMs - tookOverMs));
  const stoppedMs = Math.round(performance.now() - stoppedAt);
  worker.signal('SIGCONT');
  const { outcome, knewLockWasLost } = await lateWrite;
  const knowledge = knewLockWasLost ? 'its lock.signal had aborted' : 'it did not know yet that its lock was gone';
  report.step(`let ${worker.name} go on (SIGCONT) after ${stoppedMs} ms: its late write was ${outcome} (${knowledge})`);
  return { worker: worker.name, orderId, fencingToken };
}

/** Changes what the workers watch. Answers the revision of the change. */
export async function changeBatchSize({ latchkey, report, workers, signal }: Stage): Promise<number> {
  const seen = new Set<string>();
  for (const worker of workers) {
    worker.on('batchSize', ({ value }) => {
      if (value === DEMO.secondBatchSize) seen.add(worker.name);
    });
  }
  const changedAt = performance.now();
  await latchkey.config(CONFIG_NAMESPACE).set(CONFIG_KEY, DEMO.secondBatchSize);
  await waitUntil(() => seen.size === workers.length, signal);
  const tookMs = Math.round(performance.now() - changedAt);
  report.step(
    `changed ${CONFIG_NAMESPACE}/${CONFIG_KEY} to ${DEMO.secondBatchSize}; every worker had it ${tookMs} ms later`,
  );
  const entry = await latchkey.config(CONFIG_NAMESPACE).get(CONFIG_KEY);
  return entry?.revision ?? 0;
}
