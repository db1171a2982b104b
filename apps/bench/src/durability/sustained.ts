import type { Latchkey } from '@latchkey/sdk';
import { ProcessCluster } from '../cluster/process-cluster.js';
import { DatabaseSizes } from './database-sizes.js';
import { FilledKeys } from './filled-keys.js';
import { connectToLeader } from './leader-client.js';
import type { NodeSettings } from './node-settings.js';
import type { ResultSheet } from './result-sheet.js';
import { judgeMinutes, MINUTES_MIN, type Minute } from './sustained-goals.js';

const KEYS = 10_000;
const VALUE_BYTES = 256;
const IN_FLIGHT = 64;
const MEBIBYTE = 1024 ** 2;
const MS_PER_SECOND = 1_000;

export type SustainedOptions = {
  readonly minutes: number;
  /** 60, or less for a short form that only shows that it works. */
  readonly minuteSeconds: number;
  readonly settings: NodeSettings;
};

type MinuteFacts = Minute & {
  readonly latencyMs: { readonly p50: number; readonly p99: number; readonly max: number };
  readonly residentMebibytes: number;
};

type Parts = {
  readonly cluster: ProcessCluster;
  readonly client: Latchkey;
  readonly keys: FilledKeys;
  readonly sizes: DatabaseSizes;
};

/** Writes as fast as it goes, minute after minute. @throws RangeError for too few minutes to judge */
export async function measureSustained(options: SustainedOptions, sheet: ResultSheet): Promise<void> {
  const { minutes, minuteSeconds, settings } = options;
  if (minutes < MINUTES_MIN) throw new RangeError(`fewer than ${MINUTES_MIN} minutes say nothing`);
  await using cluster = await ProcessCluster.start({ settings });
  await using client = await connectToLeader(cluster);
  const keys = new FilledKeys(KEYS, VALUE_BYTES);
  await keys.fill(client);
  await using sizes = await DatabaseSizes.watch(cluster);
  const measured: MinuteFacts[] = [];
  for (let minute = 1; minute <= minutes; minute += 1) {
    const durationMs = minuteSeconds * MS_PER_SECOND;
    measured.push(await measureMinute({ minute, durationMs }, { cluster, client, keys, sizes }));
    sheet.record('minutes', measured);
  }
  judgeMinutes(measured, sheet);
}

async function measureMinute(
  { minute, durationMs }: { readonly minute: number; readonly durationMs: number },
  { cluster, client, keys, sizes }: Parts,
): Promise<MinuteFacts> {
  const { perSecond, latencyMs } = await keys.puts(client, { inFlight: IN_FLIGHT, durationMs });
  const { p50, p99, max } = latencyMs;
  const databases = [...(await sizes.takeMost()).values()].map((bytes) => bytes / MEBIBYTE);
  const reports = await Promise.all(cluster.ids.map((id) => cluster.member(id).report()));
  const resident = reports.map(({ memory }) => memory.rss / MEBIBYTE);
  console.log(
    [
      `minute ${String(minute).padStart(3)}`,
      `${perSecond.toFixed(0).padStart(6)} puts/s`,
      `p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms, max ${max.toFixed(0)} ms`,
      `databases at most ${told(databases)} MiB`,
      `nodes ${told(resident)} MiB resident`,
    ].join('  '),
  );
  return {
    perSecond,
    latencyMs: { p50, p99, max },
    databaseMebibytes: Math.max(...databases),
    residentMebibytes: Math.max(...resident),
  };
}

const told = (figures: readonly number[]) => figures.map((figure) => figure.toFixed(0)).join(', ');
