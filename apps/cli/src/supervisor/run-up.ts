import { readdirSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { CliError, failure, messageOf } from '../cli-error.js';
import type { ClusterDescription } from '../cluster/cluster-description.js';
import type { Environment } from '../cluster/node-environment.js';
import { EXIT_CODE, type ExitCode } from '../exit-code.js';
import { neededPorts, planCluster, writeClusterFile, type PlanOptions } from './cluster-plan.js';
import { ClusterSupervisor } from './cluster-supervisor.js';
import { waitForCluster, type ClusterView } from './cluster-view.js';
import { dataDirectory, makeDirectory, type DataDirectory } from './data-directory.js';
import type { DatabaseStarter } from './embedded-database.js';
import { assertPortsFree } from './free-ports.js';
import { acquireInstanceLock } from './instance-lock.js';
import { stopLeftovers } from './leftover-processes.js';
import { aborted, listenForStop, type StopSignals } from './stop-signals.js';
import type { UpReport } from './up-report.js';

const READY_LIMIT_MS = 60_000;
/** After the second Ctrl-C: what is not gone by then is left to the next `up`. */
const FORCED_EXIT_MS = 3_000;

export type UpOptions = PlanOptions & {
  readonly dataPath: string;
  /** Delete what is there first. */
  readonly fresh: boolean;
  readonly onDefaultPorts: boolean;
};

export type UpSurroundings = {
  readonly startDatabase: DatabaseStarter;
  readonly serverEntry: string;
  readonly environment: Environment;
  readonly report: UpReport;
};

/**
 * Runs a cluster until it is told to stop, and leaves no process behind.
 * @throws CliError with one line, when it cannot start
 */
export async function runUp(options: UpOptions, surroundings: UpSurroundings): Promise<ExitCode> {
  const data = dataDirectory(options.dataPath);
  makeDirectory(data.root);
  const lock = acquireInstanceLock(data);
  let supervisor: ClusterSupervisor | null = null;
  const signals = listenForStop(() => {
    supervisor?.kill();
    setTimeout(() => process.exit(EXIT_CODE.failure), FORCED_EXIT_MS).unref();
  });
  try {
    const description = await prepare(data, options, surroundings.report);
    supervisor = superviseCluster(data, description, surroundings);
    await runUntilStopped({ supervisor, description, data, options, signals, report: surroundings.report });
    return EXIT_CODE.ok;
  } finally {
    await supervisor?.stop();
    signals.ignore();
    lock.release();
    if (signals.requested.aborted) surroundings.report.stopped();
  }
}

async function prepare(data: DataDirectory, options: UpOptions, report: UpReport): Promise<ClusterDescription> {
  const leftovers = await stopLeftovers(data);
  if (leftovers > 0) report.progress(`stopped ${leftovers} processes that an earlier run had left behind`);
  if (options.fresh) emptyDirectory(data);
  const description = planCluster(data, options);
  await assertPortsFree(neededPorts(description));
  writeClusterFile(data, description);
  return description;
}

/** Removes everything but the lock that this process holds. */
function emptyDirectory(data: DataDirectory): void {
  for (const name of readdirSync(data.root)) {
    if (name !== basename(data.lockFile)) rmSync(join(data.root, name), { recursive: true, force: true });
  }
}

function superviseCluster(
  data: DataDirectory,
  description: ClusterDescription,
  { startDatabase, serverEntry, environment, report }: UpSurroundings,
): ClusterSupervisor {
  return new ClusterSupervisor({
    data,
    description,
    serverEntry,
    startDatabase,
    environment,
    onNotice: (id, notice) => report.notice(id, notice),
    onDied: (death) => report.died(death),
  });
}

type Run = {
  readonly supervisor: ClusterSupervisor;
  readonly description: ClusterDescription;
  readonly data: DataDirectory;
  readonly options: UpOptions;
  readonly signals: StopSignals;
  readonly report: UpReport;
};

async function runUntilStopped({ supervisor, description, data, options, signals, report }: Run): Promise<void> {
  const startedAt = performance.now();
  const { storage, clusterId } = description;
  const count = description.nodes.length;
  report.progress(
    storage === 'postgres'
      ? `starting ${count} nodes, each on its own Postgres under ${data.root}`
      : `starting ${count} nodes without storage: nothing will survive`,
  );
  const stop = aborted(signals.requested);
  await Promise.race([startAll(supervisor), supervisor.startFailure, stop]);
  if (signals.requested.aborted) return report.progress('stopping');

  const present = supervisor.states.filter((node) => !node.removed);
  const endpoints = present.map((node) => ({ id: node.id, url: node.clientUrl }));
  const view = await viewWhenReady({ clusterId, endpoints }, supervisor, signals);
  if (signals.requested.aborted) return report.progress('stopping');
  if (view === null)
    throw failure(`no leader after ${READY_LIMIT_MS / 1_000} s; see the logs in ${data.root}/n*/node.log`);

  supervisor.startCompleted();
  const { onDefaultPorts } = options;
  const tookMs = performance.now() - startedAt;
  report.ready({ nodes: present, view, tookMs, dataRoot: data.root, storage, onDefaultPorts });
  await stop;
  report.progress('stopping');
}

async function viewWhenReady(
  cluster: Parameters<typeof waitForCluster>[0],
  supervisor: ClusterSupervisor,
  signals: StopSignals,
): Promise<ClusterView | null> {
  // When a node has failed, the waiting must not go on and keep this process alive.
  const over = new AbortController();
  try {
    const waiting = waitForCluster(cluster, READY_LIMIT_MS, AbortSignal.any([signals.requested, over.signal]));
    return await Promise.race([waiting, supervisor.startFailure]);
  } finally {
    over.abort();
  }
}

async function startAll(supervisor: ClusterSupervisor): Promise<void> {
  try {
    await supervisor.start();
  } catch (error) {
    throw error instanceof CliError ? error : failure(`cannot start Postgres: ${messageOf(error)}`);
  }
}
