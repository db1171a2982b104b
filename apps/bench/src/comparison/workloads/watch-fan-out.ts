import type { Client } from '../../peers/system.js';
import { summarize } from '../../statistics.js';
import { valueOf, writeOf } from '../bench-data.js';
import type { Sample } from '../quantity.js';
import { WORKLOAD_NAMES, type WatchConnections } from '../workload-names.js';
import type { Workload, WorkloadContext } from '../workload.js';
import { DeliveryLog } from './delivery-log.js';
import { sendSteadily } from './steady-sender.js';

/** So that every number of watchers gets as many events per second, 20,000: 200 changes with 100 watchers. */
const EVENTS_PER_SECOND = 20_000;
const CEILING_WATCHERS = 100;
/** How far the writer may be ahead of the slowest watcher: far enough never to wait for a round trip. */
const CEILING_AHEAD = 32;
const CONNECTS_IN_FLIGHT = 20;
/** Without a further event for so long, no more will come. */
const QUIET_MS = 2_000;
const MILLISECONDS = 1_000;

type Watched = {
  readonly key: string;
  /** What arrives from now on goes there. */
  readonly record: () => DeliveryLog;
};

/** Delay from the sending of a write to its arrival at each watcher. */
const fanOut = (watchers: number, connections: WatchConnections, quick: boolean): Workload => ({
  name: 'watch',
  stage: 'work',
  needs: ['watch'],
  quick,
  run: async (context: WorkloadContext) => {
    const perSecond = EVENTS_PER_SECOND / watchers;
    const writesIn = (durationMs: number): number => Math.round((durationMs / MILLISECONDS) * perSecond);
    const { serialWarmUpMs, watchMs } = context.settings;
    const writes = writesIn(watchMs);
    return withWatchers(context, { watchers, connections, writes }, async ({ record, key }) => {
      const load = async (count: number): Promise<DeliveryLog> => {
        const log = record();
        await sendSteadily({ perSecond, count }, (write) => {
          log.sent(write, performance.now());
          return context.client.announce(key, valueOf(write));
        });
        await log.untilQuiet(QUIET_MS);
        return log;
      };
      await load(writesIn(serialWarmUpMs));
      const log = await load(writes);
      const { p50, p99 } = summarize(log.delaysMs);
      const workload = WORKLOAD_NAMES.watch(watchers, connections);
      return [
        { workload, quantity: 'p50Ms', value: p50 },
        { workload, quantity: 'p99Ms', value: p99 },
        { workload, quantity: 'deliveredPercent', value: (log.deliveries / (writes * watchers)) * 100 },
      ];
    });
  },
});

/** As many events as get through: the writer goes on as soon as the slowest watcher is near enough. */
const ceiling: Workload = {
  name: 'watch',
  stage: 'work',
  needs: ['watch'],
  quick: true,
  run: async (context) =>
    withWatchers(context, { watchers: CEILING_WATCHERS, connections: 'own', writes: 0 }, async ({ record, key }) => {
      const log = record();
      const startMs = performance.now();
      const endMs = startMs + context.settings.ceilingMs;
      let write = 0;
      const sender = async () => {
        while (performance.now() < endMs) {
          const own = write++;
          await log.untilAllReach(own - CEILING_AHEAD);
          log.sent(own, performance.now());
          await context.client.announce(key, valueOf(own));
        }
      };
      await Promise.race([
        Promise.all(Array.from({ length: CEILING_AHEAD }, sender)),
        new Promise((resolve) => setTimeout(resolve, context.settings.ceilingMs + QUIET_MS)),
      ]);
      await log.untilQuiet(QUIET_MS);
      const seconds = (log.lastDeliveryMs - startMs) / MILLISECONDS;
      const events: Sample = {
        workload: WORKLOAD_NAMES.watchCeiling,
        quantity: 'perSecond',
        value: log.deliveries / seconds,
      };
      return [events];
    }),
};

export const WATCH_WORKLOADS: readonly Workload[] = [
  fanOut(100, 'shared', true),
  fanOut(100, 'own', true),
  ceiling,
  fanOut(1_000, 'shared', false),
  fanOut(1_000, 'own', false),
];

async function withWatchers(
  { cluster, client }: WorkloadContext,
  plan: { readonly watchers: number; readonly connections: WatchConnections; readonly writes: number },
  measure: (watched: Watched) => Promise<readonly Sample[]>,
): Promise<readonly Sample[]> {
  const key = `watched/${plan.watchers}-${plan.connections}-${plan.writes}`;
  await client.insert(key, valueOf(0));
  await client.announce(key, valueOf(0));
  // Events before the first record belong to the setting up.
  let log: DeliveryLog | null = null;
  const record = (): DeliveryLog => (log = new DeliveryLog(plan.watchers));
  const clients: Client[] = [];
  try {
    let next = 0;
    const shared = plan.connections === 'shared' ? await cluster.connect('crowd') : null;
    if (shared !== null) clients.push(shared);
    const worker = async () => {
      while (next < plan.watchers) {
        const watcher = next++;
        const own = shared ?? (await cluster.connect('crowd'));
        if (shared === null) clients.push(own);
        await own.watch(key, (value) => log?.delivered(watcher, writeOf(value), performance.now()));
      }
    };
    await Promise.all(Array.from({ length: CONNECTS_IN_FLIGHT }, worker));
    return await measure({ key, record });
  } finally {
    await Promise.all(clients.map((one) => one.close().catch(() => undefined)));
  }
}
