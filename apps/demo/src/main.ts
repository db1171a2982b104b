import { setTimeout as delay } from 'node:timers/promises';
import { connect } from '@latchkey/sdk';
import { checkTables, type Claim, type Expectation } from './check.js';
import { DemoCluster, OrdersDatabase } from './child-programs.js';
import { CONFIG_KEY, CONFIG_NAMESPACE, DEMO } from './config.js';
import {
  changeBatchSize,
  killLeader,
  knownLeader,
  stopWorkerThatHoldsALock,
  waitForProgress,
  type Stage,
} from './events.js';
import { readOrders } from './order-file.js';
import { OrdersTable } from './orders-table.js';
import { ProbeWriter } from './probe-writer.js';
import { DemoReport } from './report.js';
import type { WorkerSummary } from './worker-messages.js';
import { WorkerProcess } from './worker-process.js';

const OWN_CONNECTIONS = 2;
const STOPPED_WORKER = 1;

type Outcome = Expectation & { readonly failoverMs: number; readonly summaries: readonly WorkerSummary[] };

/** Ended in reverse order at the end, whatever the end is. */
type Ending = () => Promise<void> | void;
const endings: Ending[] = [];

function atTheEnd(ending: Ending): void {
  endings.unshift(ending);
}

async function prepare(report: DemoReport, signal: AbortSignal): Promise<Stage> {
  const orders = readOrders();
  report.step(`starting a cluster of ${DEMO.nodes} nodes, and one more Postgres for the orders`);
  const [cluster, database] = await Promise.all([
    DemoCluster.start((note) => report.step(note)).then((started) => {
      atTheEnd(() => started.stop());
      return started;
    }),
    OrdersDatabase.start().then((started) => {
      atTheEnd(() => started.stop());
      return started;
    }),
  ]);
  const table = new OrdersTable(database.url, OWN_CONNECTIONS);
  atTheEnd(() => table.close());
  await table.create(orders);
  const latchkey = await connect({ endpoints: [...cluster.endpoints], sessionTtlMs: DEMO.sessionTtlMs });
  atTheEnd(() => latchkey.close());
  await latchkey.config(CONFIG_NAMESPACE).set(CONFIG_KEY, DEMO.firstBatchSize);
  const leaderId = await knownLeader(latchkey);
  report.step(`the cluster is ready after ${(cluster.tookMs / 1_000).toFixed(1)} s, led by ${leaderId ?? 'nobody'}`);
  const environment = { DEMO_ENDPOINTS: cluster.endpoints.join(','), DEMO_DATABASE_URL: database.url };
  const workers = Array.from({ length: DEMO.workers }, (_, at) => new WorkerProcess(`w${at + 1}`, environment));
  for (const worker of workers) atTheEnd(() => worker.kill());
  await Promise.all(workers.map((worker) => worker.next('ready')));
  report.step(`${workers.length} workers share ${orders.length} orders, ${DEMO.firstBatchSize} at a time each`);
  const probe = new ProbeWriter(latchkey);
  atTheEnd(() => probe.stop());
  probe.start();
  return { cluster, latchkey, table, probe, workers, report, signal };
}

async function play(stage: Stage): Promise<Outcome> {
  const { workers, report } = stage;
  const orders = readOrders().length;
  const finished = Promise.all(workers.map((worker) => worker.next('finished')));
  finished.catch(() => undefined);
  await waitForProgress(stage, DEMO.killLeaderAt, orders);
  const { failoverMs } = await killLeader(stage);
  await waitForProgress(stage, DEMO.stopWorkerAt, orders);
  const victim = workers[STOPPED_WORKER];
  if (victim === undefined) throw new Error('no worker to stop');
  const stopped = await stopWorkerThatHoldsALock(stage, victim);
  await waitForProgress(stage, DEMO.changeConfigAt, orders);
  const configRevision = await changeBatchSize(stage);
  const summaries = (await finished).map((message) => message.summary);
  report.step('no order is open any more');
  return { orders, workers: workers.map((worker) => worker.name), stopped, configRevision, failoverMs, summaries };
}

async function prove({ table, probe, report }: Stage, outcome: Outcome): Promise<boolean> {
  const { failoverMs, summaries } = outcome;
  const sum = (name: keyof WorkerSummary): number => summaries.reduce((total, summary) => total + summary[name], 0);
  const claims: readonly Claim[] = [
    ...(await checkTables(table.pool, outcome)),
    {
      holds: failoverMs > 0 && probe.failedCount === 0,
      text: `failover took ${Math.round(failoverMs)} ms from the kill to the next acknowledged write; ${probe.failedCount} of ${probe.acknowledgedCount + probe.failedCount} probe writes failed`,
    },
  ];
  report.heading('What the tables prove');
  report.claims(claims);
  report.heading('By the way');
  const shares = summaries.map((summary, at) => `w${at + 1} ${summary.processed}`).join(', ');
  report.line(`orders done by each worker: ${shares}`);
  report.line(
    `locks found held by another worker: ${sum('heldByOthers')}; calls made again after an interruption: ${sum('interrupted')}`,
  );
  return claims.every((claim) => claim.holds);
}

async function end(): Promise<void> {
  for (const ending of endings.splice(0)) await ending();
}

async function main(): Promise<number> {
  const report = new DemoReport();
  const over = new AbortController();
  const interrupted = new Promise<never>((_, reject) => {
    const stop = (reason: string): void => {
      over.abort();
      reject(new Error(reason));
    };
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop('interrupted'));
    void delay(DEMO.limitMs, undefined, { ref: false }).then(() => stop(`not done after ${DEMO.limitMs / 1_000} s`));
  });
  interrupted.catch(() => undefined);
  try {
    const run = async (): Promise<boolean> => {
      const stage = await prepare(report, over.signal);
      return prove(stage, await play(stage));
    };
    const allHold = await Promise.race([run(), interrupted]);
    report.heading(allHold ? 'Every claim holds.' : 'A claim does not hold.');
    return allHold ? 0 : 1;
  } catch (error) {
    process.stderr.write(`demo: ${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  } finally {
    await end();
  }
}

process.exitCode = await main();
